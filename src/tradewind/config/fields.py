"""The value types of the configuration, each with its rule in plain words.

A rule is a pattern if a pattern can express it, so that editors check it too. Editors and ``tradewind config check``
both show ``patternErrorMessage``.
"""

from __future__ import annotations

import ipaddress
import re
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, PlainValidator, Strict
from pydantic_core import PydanticCustomError

from tradewind.config.cron import cron_fault

FARGATE_MEMORY: dict[float, tuple[float, ...]] = {
    0.25: (0.5, 1, 2),
    0.5: (1, 2, 3, 4),
    1: tuple(range(2, 9)),
    2: tuple(range(4, 17)),
    4: tuple(range(8, 31)),
    8: tuple(range(16, 61, 4)),
    16: tuple(range(32, 121, 8)),
}
"""The memory in GB that Fargate offers for each number of vCPU (AWS: "Fargate task sizes")."""

PRIVATE_NETWORKS = tuple(ipaddress.IPv4Network(text) for text in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16"))

RESERVED = {
    "local": "in commands it refers to this machine",
    "shared": "it is in the names of resources that the environments of an account share",
    "tf-state": "it is in the name of the KMS key for Terraform states",
}
"""Names that no environment may have, with the reason."""

OTHER_PARTITIONS = {
    r"cn-": "China",
    r"us-gov-": "GovCloud",
    r"[a-z]{2,4}-iso[a-z]?-": "isolated regions",
    r"eusc-": "the European Sovereign Cloud",
}
"""Patterns of regions in other partitions than ``aws``, and the name of each partition."""

_SETTING_KEY = re.compile(r"[a-z0-9_]+\.[a-z0-9_]+")


class Model(BaseModel):
    """A frozen group of settings that refuses unknown keys."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


def refuse(message: str) -> PydanticCustomError:
    """A validation error whose text is shown to the user unchanged."""
    return PydanticCustomError("plain", "{message}", {"message": message})


def _cpu(value: float) -> float:
    if value not in FARGATE_MEMORY:
        raise refuse("is not a size that Fargate offers")
    return value


def _account_id(value: Any) -> Any:
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        raise refuse("must be quoted: YAML reads it as a number, and leading zeros get lost")
    return value


def _environment_name(value: str) -> str:
    if value in RESERVED:
        raise refuse(f"is a reserved name: {RESERVED[value]}; choose another")
    return value


def _region(value: str) -> str:
    for beginning, called in OTHER_PARTITIONS.items():
        if re.match(beginning, value):
            raise refuse(
                f"is in another partition of AWS ({called}): Tradewind deploys only to the partition `aws`, whose "
                "ARNs begin with arn:aws:. Choose a region of that partition, such as eu-west-1"
            )
    return value


def _network(value: str) -> ipaddress.IPv4Network:
    try:
        return ipaddress.IPv4Network(value)
    except ipaddress.NetmaskValueError:
        raise refuse("must end in a prefix length from /0 to /32") from None
    except ValueError as error:
        if "host bits" in str(error):
            whole = ipaddress.IPv4Network(value, strict=False)
            raise refuse(f"is an address inside a network; the network is {whole}") from None
        raise refuse("must be an IPv4 network such as 10.0.0.0/16") from None


def _any_cidr(value: str) -> str:
    if "/" not in value:
        raise refuse("must be an IPv4 network with a prefix length; one address ends in /32")
    return str(_network(value))


def _vpc_cidr(value: str) -> str:
    network = _network(value)
    if not 16 <= network.prefixlen <= 22:
        raise refuse("must be a network from /16 (65,536 addresses) to /22 (1,024 addresses)")
    if not any(network.subnet_of(private) for private in PRIVATE_NETWORKS):
        raise refuse("must lie in a private range: 10.0.0.0/8, 172.16.0.0/12 or 192.168.0.0/16")
    return str(network)


def _cron(value: str) -> str:
    fault = cron_fault(value)
    if fault:
        raise refuse(fault)
    return value


def _relative(value: str) -> str:
    if value.startswith(("/", "~", "\\")) or re.match(r"[A-Za-z]:", value):
        raise refuse("must be a relative path")
    return value


def _setting_key(value: str) -> str:
    if not _SETTING_KEY.fullmatch(value):
        raise refuse("must be `section.key`, as in `core.parallelism`")
    source = secret_source(value)
    if source:
        raise refuse(f"holds a secret and cannot be set here: {source}")
    return value


def _setting_value(value: Any) -> str | int | float | bool:
    if not isinstance(value, (str, int, float, bool)):
        raise refuse("must be text, a number, or true or false")
    return value


_SECRET_SETTINGS = (
    (r"sql_alchemy_conn(_async)?", "Tradewind makes the database user and keeps its URL in Secrets Manager"),
    (r"broker_url", "Tradewind makes the broker and keeps its URL in Secrets Manager"),
    (r"result_backend", "results go to the broker, whose URL Tradewind keeps in Secrets Manager"),
    (r"fernet_key|(.*_)?(jwt_secret|secret_key)", "Tradewind makes it and keeps it in Secrets Manager"),
    (r".*password.*|(.*_)?(secret|token|api_key|access_key|private_key|credentials?)", "keep it in Secrets Manager"),
)


def secret_source(setting: str) -> str | None:
    """The source of the value of an Airflow setting (``section.key``) if it is a secret, else None."""
    key = re.sub(r"_(cmd|secret)$", "", setting.partition(".")[2])
    full = setting.partition(".")[2]
    for pattern, source in _SECRET_SETTINGS:
        if re.fullmatch(pattern, key) or re.fullmatch(pattern, full):
            return source
    return None


def _words(message: str) -> dict[str, Any]:
    return {"patternErrorMessage": message}


_NAME = "must be {} to 20 lower-case letters, digits and single dashes; it begins with a letter and ends with no dash"

Flag = Annotated[bool, Strict()]
Whole = Annotated[int, Strict()]
Number = Annotated[float, Strict()]
Text = Annotated[str, Field(min_length=1)]
Tenant = Annotated[
    str,
    Field(
        min_length=2,
        max_length=20,
        pattern=r"^[a-z][a-z0-9]*(-[a-z0-9]+)*$",
        json_schema_extra=_words(_NAME.format(2)),
    ),
]
Name = Annotated[
    str,
    Field(
        min_length=1, max_length=20, pattern=r"^[a-z][a-z0-9]*(-[a-z0-9]+)*$", json_schema_extra=_words(_NAME.format(1))
    ),
]
EnvironmentName = Annotated[
    Name,
    AfterValidator(_environment_name),
    Field(json_schema_extra=_words(_NAME.format(1)) | {"not": {"enum": [*RESERVED]}}),
]
QueueName = Annotated[
    str,
    Field(
        pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,99}$",
        json_schema_extra=_words("must be letters, digits, dots, dashes and underscores, at most 100 characters"),
    ),
]
Region = Annotated[
    str,
    Field(
        pattern=r"^[a-z]{2,4}(-[a-z]+)+-[0-9]$",
        json_schema_extra=_words("must be an AWS region such as eu-west-1")
        | {"not": {"pattern": f"^({'|'.join(OTHER_PARTITIONS)})"}},
    ),
    AfterValidator(_region),
]
AccountId = Annotated[
    str,
    BeforeValidator(_account_id),
    Field(pattern=r"^[0-9]{12}$", json_schema_extra=_words("must be the 12 digits of an AWS account, quoted")),
]
Email = Annotated[
    str,
    Field(pattern=r"^[^@\s]+@[^@\s]+\.[^@\s]+$", json_schema_extra=_words("must be an e-mail address")),
]
Cpu = Annotated[Number, AfterValidator(_cpu), Field(json_schema_extra={"enum": list(FARGATE_MEMORY)})]
Memory = Annotated[Number, Field(ge=0.5, le=120)]
VpcCidr = Annotated[
    str,
    AfterValidator(_vpc_cidr),
    Field(json_schema_extra=_words("must be a private IPv4 network from /16 to /22 such as 10.0.0.0/16")),
]
Cidr = Annotated[
    str, AfterValidator(_any_cidr), Field(json_schema_extra=_words("must be an IPv4 network such as 10.0.0.0/16"))
]
Cron = Annotated[
    str,
    AfterValidator(_cron),
    Field(json_schema_extra=_words("must be a cron expression of five fields, quoted, such as '0 6 * * mon-fri'")),
]
RelativePath = Annotated[
    str,
    Field(min_length=1, json_schema_extra=_words("must be a path relative to a folder, not empty")),
    AfterValidator(_relative),
]
VariableName = Annotated[
    str,
    Field(
        pattern=r"^[A-Za-z_][A-Za-z0-9_]*$",
        json_schema_extra=_words("must be letters, digits and underscores, not starting with a digit"),
    ),
]
SettingKey = Annotated[str, AfterValidator(_setting_key)]
SettingValue = Annotated[
    str | int | float | bool, PlainValidator(_setting_value, json_schema_input_type=str | int | float | bool)
]
VpcId = Annotated[
    str,
    Field(
        pattern=r"^vpc-[0-9a-f]{8,17}$",
        json_schema_extra=_words("must be the id of a VPC such as vpc-0123456789abcdef0"),
    ),
]
SubnetId = Annotated[
    str,
    Field(
        pattern=r"^subnet-[0-9a-f]{8,17}$",
        json_schema_extra=_words("must be the id of a subnet such as subnet-0123456789abcdef0"),
    ),
]
DomainName = Annotated[
    str,
    Field(
        pattern=r"^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]{2,63}$",
        json_schema_extra=_words("must be a full lower-case domain name such as airflow.example.com"),
    ),
]
ZoneId = Annotated[
    str,
    Field(pattern=r"^Z[A-Z0-9]{5,31}$", json_schema_extra=_words("must be the id of a Route 53 zone, starting with Z")),
]
CertificateArn = Annotated[
    str,
    Field(
        pattern=r"^arn:aws:acm:[a-z0-9-]+:[0-9]{12}:certificate/[A-Za-z0-9-]+$",
        json_schema_extra=_words("must be the ARN of an ACM certificate, arn:aws:acm:…"),
    ),
]
PolicyArn = Annotated[
    str,
    Field(
        pattern=r"^arn:aws:iam::([0-9]{12}|aws):policy/[A-Za-z0-9+=,.@_/-]+$",
        json_schema_extra=_words("must be the ARN of an IAM policy, arn:aws:iam::…"),
    ),
]
PrincipalArn = Annotated[
    str,
    Field(
        pattern=r"^arn:aws:iam::[0-9]{12}:(role|user)/[A-Za-z0-9+=,.@_/-]+$",
        json_schema_extra=_words("must be the ARN of an IAM role or user, arn:aws:iam::…"),
    ),
]
HttpsUrl = Annotated[
    str, Field(pattern=r"^https://[^\s/@]+(/[^\s@]*)?$", json_schema_extra=_words("must be an https:// address"))
]
GitUrl = Annotated[
    str,
    Field(
        pattern=r"^(https://[^\s/@]+/[^\s@]+|ssh://([A-Za-z0-9_.-]+@)?[^\s/@:]+(:[0-9]+)?/[^\s@]+"
        r"|[A-Za-z0-9_.-]+@[^\s/@:]+:[^\s@:]+)$",
        json_schema_extra=_words("must be a git address without credentials: https://…, ssh://… or user@host:path"),
    ),
]
SecretName = Annotated[
    str,
    Field(
        pattern=r"^[A-Za-z0-9/_+=.-]{1,512}$",
        json_schema_extra=_words("must be the name of a Secrets Manager secret, never the secret itself"),
    ),
]
ImageReference = Annotated[
    str,
    Field(
        pattern=r"^[a-z0-9.-]+(:[0-9]+)?(/[a-z0-9._-]+)+(:[A-Za-z0-9_.-]{1,128})?(@sha256:[0-9a-f]{64})?$",
        json_schema_extra=_words("must be an image with its registry, such as docker.io/library/python:3.11-slim"),
    ),
]
InstanceClass = Annotated[
    str,
    Field(
        pattern=r"^db\.[a-z0-9]+\.[a-z0-9]+$",
        json_schema_extra=_words("must be an RDS instance class such as db.t4g.medium"),
    ),
]
NodeType = Annotated[
    str,
    Field(
        pattern=r"^cache\.[a-z0-9]+\.[a-z0-9]+$",
        json_schema_extra=_words("must be an ElastiCache node type such as cache.t4g.small"),
    ),
]
