"""The network of an environment, access to it, and the login of its users."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import Field

from tradewind.config.fields import (
    CertificateArn,
    Cidr,
    DomainName,
    Flag,
    HttpsUrl,
    Model,
    SecretName,
    SubnetId,
    Text,
    VpcCidr,
    VpcId,
    Whole,
    ZoneId,
)

Endpoint = Literal["s3", "ecr", "logs", "secretsmanager", "ssm", "ecs"]
AirflowRole = Literal["Admin", "Op", "User", "Viewer", "Public"]


class Vpc(Model):
    """An existing VPC, used in place of the network that Tradewind would make."""

    id: VpcId = Field(description="The id of the VPC.")
    public_subnets: tuple[SubnetId, ...] = Field(
        description="Subnets for the load balancer, in two or more zones, with a route to an internet gateway."
    )
    private_subnets: tuple[SubnetId, ...] = Field(
        description="Subnets for every container, in two or more zones, with an outbound route: NAT or endpoints."
    )
    data_subnets: tuple[SubnetId, ...] = Field(
        description="Subnets for the database, the broker and the shared file system, in two or more zones."
    )


class Network(Model):
    """The network: three tiers (public, private, data) in each zone."""

    cidr: VpcCidr | None = Field(
        default=None,
        description="The private IPv4 range of the environment, /16 to /22. Required unless `vpc` is given. "
        "Ranges of environments must not overlap.",
    )
    zones: Annotated[Whole, Field(ge=2, le=6)] = Field(default=2, description="The number of availability zones.")
    nat_gateways: Literal["one", "per-zone"] | None = Field(
        default=None,
        description="One NAT gateway costs less; one per zone survives the loss of a zone. "
        "If not set: `per-zone` if availability is high, else `one`.",
    )
    endpoints: tuple[Endpoint, ...] = Field(
        default=("s3",),
        description="AWS services that containers reach through VPC endpoints, without NAT. `s3` is free. Each other "
        "endpoint costs money per hour and zone, and pays off if much traffic goes to that service.",
    )
    flow_logs: Flag = Field(default=True, description="Record which addresses connect to which (VPC flow logs).")
    vpc: Vpc | None = Field(
        default=None, description="An existing VPC to use in place of a new one. If you set it, leave out `cidr`."
    )


class Domain(Model):
    """The public name of an environment."""

    name: DomainName = Field(description="The host name of the Airflow UI, for example airflow.dev.example.com.")
    hosted_zone_id: ZoneId | None = Field(
        default=None,
        description="The public Route 53 zone of the name. Tradewind makes the DNS record and a certificate.",
    )
    certificate_arn: CertificateArn | None = Field(
        default=None,
        description="An existing ACM certificate for the name. Required without `hosted_zone_id`. With it, Tradewind "
        "makes no certificate.",
    )


class Access(Model):
    """Access to the load balancer."""

    allowed_cidrs: tuple[Cidr, ...] = Field(
        default=(), description="IPv4 ranges that may reach the UI and the public API. Empty: none."
    )
    domain: Domain | None = Field(
        default=None, description="The public name of the UI. If not set: the load balancer's own name."
    )


class Identity(Model):
    """How users log in."""

    provider: Literal["local", "oidc"] = Field(
        default="local",
        description="`local`: users in Airflow's own database. `oidc`: your company's single sign-on. Tradewind checks "
        "its settings here, but does not set it up in Airflow yet: with `oidc`, there is no login.",
    )
    issuer: HttpsUrl | None = Field(default=None, description="OIDC: the address of the issuer. Required with `oidc`.")
    client_id: Text | None = Field(default=None, description="OIDC: the client id. Required with `oidc`.")
    client_secret: SecretName | None = Field(
        default=None,
        description="OIDC: the name of the Secrets Manager secret that holds the client secret; never the secret "
        "itself. Required with `oidc`.",
    )
    roles: Mapping[Text, AirflowRole] = Field(
        default={},
        description="Maps groups of the identity provider to Airflow roles. Users in none of these groups cannot log "
        "in.",
    )
