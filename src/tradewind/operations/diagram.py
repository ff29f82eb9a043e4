"""Draw an environment as SVG: its network tiers, its services with their sizes, and the stores that each one uses.

The picture comes from the same service records that Terraform and the local supervisor use. It has no date and no
random part: the same configuration gives the same bytes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from xml.sax.saxutils import escape

from tradewind.blueprint import Access, Exposure, Secret, Service, on_aws, services
from tradewind.config import Environment

WIDTH = 960
MARGIN = 16
COLUMNS = 4
BOX_H = 74
GAP = 12
INK, PALE, LINE = "#1f2933", "#52606d", "#9aa5b1"
TIERS = {"public": "#fff3d6", "private": "#e3f0ff", "data": "#e2f5e5", "account": "#eef0f2"}
DATABASE, BROKER, FILES, USERS = "#2f6f9f", "#b3541e", "#3a7d44", "#7a3e9d"

_ATTRIBUTES = 'role="img" aria-labelledby="title description" font-family="system-ui, sans-serif"'

Marks = Sequence[tuple[str, Callable[[Service], bool]]]
_MARKS: Marks = (
    (USERS, lambda service: service.exposure is Exposure.PUBLIC),
    (DATABASE, lambda service: bool({Secret.DATABASE_URL, Secret.DATABASE_ADMIN} & set(service.secrets.values()))),
    (BROKER, lambda service: Secret.BROKER_URL in service.secrets.values()),
    (FILES, lambda service: service.dags is not Access.NONE),
)
"""The color of a store or of the load balancer, and the services that get a dot of this color."""


def svg(environment: Environment) -> str:
    """The picture of an environment as one SVG document, with a title and a description for screen readers."""
    records = [on_aws(service) for service in services(environment)]
    running = [service for service in records if not service.one_shot]
    once = [service for service in records if service.one_shot]
    rows = -(-len(running) // COLUMNS)
    private_h = 32 + rows * (BOX_H + GAP) + 18
    top = 58
    public_y, private_y = top, top + 108 + GAP
    data_y = private_y + private_h + GAP
    account_y = data_y + 108 + GAP
    height = account_y + 108 + 40
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" {_ATTRIBUTES}>',
        f'<title id="title">Tradewind environment {escape(environment.name)}</title>',
        f'<desc id="description">{escape(_description(environment, running))}</desc>',
        f'<rect width="{WIDTH}" height="{height}" rx="12" fill="#ffffff"/>',
        _text(MARGIN, 30, f"{environment.name}: Airflow on ECS Fargate", 18, INK, bold=True),
        _text(MARGIN, 48, _network(environment), 12, PALE),
        *_public(environment, public_y),
        *_private(running, once, private_y, private_h),
        *_data(environment, data_y),
        *_account(account_y),
        *_legend(height - 18),
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


def _public(environment: Environment, y: int) -> list[str]:
    domain = environment.access.domain
    address = f"https://{domain.name}" if domain else "internal address, no domain"
    nat = "one per zone" if environment.nat_per_zone else "one"
    return [
        *_tier("public tier", "public", y, 108),
        *_box(0, y + 32, "Application Load Balancer", [address, "from the allowed CIDRs only"], USERS, span=2),
        *_box(2, y + 32, "NAT gateway", [nat, "outbound only"], LINE, span=2),
    ]


def _private(running: Sequence[Service], once: Sequence[Service], y: int, height: int) -> list[str]:
    parts = _tier("private tier: containers, each with a role and secrets of its own", "private", y, height)
    for number, service in enumerate(running):
        row, column = divmod(number, COLUMNS)
        dots = [color for color, has in _MARKS if has(service)]
        lines = [_copies(service), f"{service.cpu:g} vCPU, {service.memory_gb:g} GB{_slots(service)}"]
        parts += _box(column, y + 32 + row * (BOX_H + GAP), service.name, lines, LINE, dots=dots)
    names = ", ".join(service.name for service in once)
    parts.append(_text(MARGIN + GAP, y + height - 14, f"one-shot tasks of a release: {names}", 12, PALE))
    return parts


def _data(environment: Environment, y: int) -> list[str]:
    database, broker, count = environment.database, environment.broker, environment.broker_replicas
    standby = "standby in another zone" if environment.multi_az else "one zone"
    replicas = f"{count} replica{'s' if count > 1 else ''}" if count else "no replica"
    return [
        *_tier("data tier: no route to the internet", "data", y, 108),
        *_box(0, y + 32, "RDS MySQL", [database.instance_class, standby], DATABASE, dots=[DATABASE]),
        *_box(1, y + 32, "ElastiCache", [broker.node_type, replicas], BROKER, dots=[BROKER]),
        *_box(2, y + 32, "EFS", ["DAG releases, read-only", "except for the controller"], FILES, dots=[FILES], span=2),
    ]


def _account(y: int) -> list[str]:
    return [
        *_tier("services of the account, reached through VPC endpoints or the NAT gateway", "account", y, 108),
        *_box(0, y + 32, "S3", ["Terraform state, task logs", "releases, commands"], LINE),
        *_box(1, y + 32, "ECR", ["images, named by digest", "scanned at each push"], LINE),
        *_box(2, y + 32, "Secrets Manager", ["secrets per service", "never in the state"], LINE),
        *_box(3, y + 32, "CloudWatch", ["logs, metrics", "alarms"], LINE),
    ]


def _tier(title: str, kind: str, y: int, height: int) -> list[str]:
    width = WIDTH - 2 * MARGIN
    return [
        f'<rect x="{MARGIN}" y="{y}" width="{width}" height="{height}" rx="8" fill="{TIERS[kind]}"/>',
        _text(MARGIN + GAP, y + 21, title, 13, INK, bold=True),
    ]


def _box(
    column: int, y: int, title: str, lines: Sequence[str], edge: str, *, dots: Sequence[str] = (), span: int = 1
) -> list[str]:
    one = (WIDTH - 2 * MARGIN - 2 * GAP - (COLUMNS - 1) * GAP) / COLUMNS
    x = MARGIN + GAP + column * (one + GAP)
    width = span * one + (span - 1) * GAP
    parts = [
        f'<rect x="{x:g}" y="{y}" width="{width:g}" height="{BOX_H - 8}" rx="6" fill="#ffffff" stroke="{edge}"/>',
        _text(x + 10, y + 20, title, 13, INK, bold=True),
        *(_text(x + 10, y + 38 + 16 * number, line, 12, PALE) for number, line in enumerate(lines)),
    ]
    parts += [
        f'<circle cx="{x + width - 12 - 13 * number:g}" cy="{y + 14}" r="5" fill="{color}"/>'
        for number, color in enumerate(reversed(dots))
    ]
    return parts


def _legend(y: int) -> list[str]:
    parts = []
    x = MARGIN + GAP
    for color, meaning in (
        (USERS, "reached by users through the load balancer"),
        (DATABASE, "uses the database"),
        (BROKER, "uses the broker"),
        (FILES, "mounts the DAG files"),
    ):
        parts.append(f'<circle cx="{x + 5}" cy="{y - 4}" r="5" fill="{color}"/>')
        parts.append(_text(x + 16, y, meaning, 12, PALE))
        x += 34 + int(6.4 * len(meaning))
    return parts


def _copies(service: Service) -> str:
    counts = service.counts
    if counts.min == counts.max:
        return f"{counts.desired} {'copy' if counts.desired == 1 else 'copies'}"
    signal = "the tasks" if service.scaling and service.scaling.signal == "demand" else "CPU"
    return f"{counts.min} to {counts.max}, follows {signal}"


def _slots(service: Service) -> str:
    return f", {service.slots} slots" if service.slots else ""


def _network(environment: Environment) -> str:
    network = environment.network
    vpc = f"VPC {network.cidr}" if network.cidr else "an existing VPC"
    return f"account {environment.account}, {vpc}, {network.zones} zones, availability {environment.availability}"


def _description(environment: Environment, running: Sequence[Service]) -> str:
    names = ", ".join(f"{service.name} ({_copies(service)})" for service in running)
    return (
        f"Users reach the load balancer in the public tier. The private tier runs {names}. "
        f"The data tier has RDS MySQL {environment.database.instance_class}, "
        f"ElastiCache {environment.broker.node_type} and EFS."
    )


def _text(x: float, y: float, text: str, size: int, color: str, *, bold: bool = False) -> str:
    weight = ' font-weight="600"' if bold else ""
    return f'<text x="{x:g}" y="{y:g}" font-size="{size}" fill="{color}"{weight}>{escape(text)}</text>'
