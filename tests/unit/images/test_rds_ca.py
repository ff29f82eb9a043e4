"""The certificate authorities that the images trust for RDS."""

from __future__ import annotations

import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509

PEM = Path(__file__).parents[3] / "images" / "rds-ca.pem"


def test_they_are_authorities_of_rds_and_stay_valid() -> None:
    found = x509.load_pem_x509_certificates(PEM.read_bytes())

    assert len(found) > 60
    for certificate in found:
        name = certificate.subject.rfc4514_string()
        assert certificate.subject == certificate.issuer, name
        assert "Amazon RDS" in name
        assert certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
        assert certificate.not_valid_after_utc > datetime.now(UTC) + timedelta(days=5 * 365), name
    names = " ".join(certificate.subject.rfc4514_string() for certificate in found)
    assert all(f"{region} Root CA RSA2048 G1" in names for region in ("us-east-1", "eu-west-1", "eu-central-1"))


def test_openssl_reads_them() -> None:
    assert ssl.create_default_context(cafile=str(PEM)).cert_store_stats()["x509_ca"] > 60
