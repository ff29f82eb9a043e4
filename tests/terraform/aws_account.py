"""An AWS account for commands: moto for S3 and STS, and Terraform on the stand-in for the provider."""

from __future__ import annotations

import os
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import boto3
from harness import PROJECT, serving
from moto.server import ThreadedMotoServer

FILE = PROJECT / "tradewind.yaml"
BUCKET = "acme-tf-state-111111111111-eu-west-1"
COMMAND = Path(sys.executable).parent / "tradewind"


@dataclass
class Account:
    """A folder with ``tradewind.yaml``, and credentials of an account that exists in moto."""

    folder: Path
    endpoint: str
    credentials: dict[str, str] = field(default_factory=dict)

    def variables(self) -> dict[str, str]:
        """The environment variables of a process in this account."""
        own = {"AWS_ENDPOINT_URL": self.endpoint, "AWS_EC2_METADATA_DISABLED": "true", "AWS_REGION": "eu-west-1"}
        return {**serving(), **own, **self.credentials}

    def run(self, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
        """Run ``tradewind`` with these arguments."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "TF_"))}
        return subprocess.run(
            [str(COMMAND), *arguments],
            cwd=self.folder,
            env={**kept, **self.variables(), **variables},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )

    def client(self, service: str, region: str = "eu-west-1") -> boto3.client:
        """A client with the same credentials."""
        names = {"AWS_ACCESS_KEY_ID": "aws_access_key_id", "AWS_SECRET_ACCESS_KEY": "aws_secret_access_key"}
        given = {names[name]: value for name, value in self.credentials.items() if name in names}
        return boto3.client(service, region_name=region, endpoint_url=self.endpoint, **given)

    def of(self, account_id: str) -> Account:
        """The same folder with credentials of another account: a role, which every caller may assume in moto."""
        arn = f"arn:aws:iam::{account_id}:role/administrator"
        answer = self.client("sts").assume_role(RoleArn=arn, RoleSessionName="test")["Credentials"]
        given = {
            "AWS_ACCESS_KEY_ID": answer["AccessKeyId"],
            "AWS_SECRET_ACCESS_KEY": answer["SecretAccessKey"],
            "AWS_SESSION_TOKEN": answer["SessionToken"],
        }
        return Account(self.folder, self.endpoint, given)


@contextmanager
def moto_server() -> Iterator[str]:
    """Serve moto during the block, and reset it at the end. Yields its address."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    with urllib.request.urlopen(f"http://{host}:{port}/moto-api/reset", data=b"") as answer:
        answer.read()  # all servers of a process share their state
    server.stop()
