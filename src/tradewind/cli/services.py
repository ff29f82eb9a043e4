"""``tradewind services``: the services of an environment, and their Airflow settings."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer

from tradewind import blueprint
from tradewind.cli import options, terminal
from tradewind.cli.options import LOCAL, AsJson, EnvOrHere, File

COLUMNS = ["SERVICE", "COPIES", "CPU", "MEMORY", "PORT", "REACHED BY", "SCALES BY", "SECRETS"]


def services(
    environment: EnvOrHere = LOCAL,
    settings: Annotated[
        bool, typer.Option("--settings", help="Every Airflow setting that differs from Airflow's default, and why.")
    ] = False,
    file: File = None,
    as_json: AsJson = False,
) -> None:
    """Show the services of an environment, as they run on AWS."""
    chosen = options.described(file, environment)
    if settings:
        found = blueprint.airflow_settings(chosen)
        if as_json:
            terminal.data_json([asdict(setting) for setting in found])
        else:
            terminal.table(["SETTING", "VALUE", "WHY"], [[f"[{s.section}] {s.key}", s.value, s.reason] for s in found])
        return
    records = blueprint.services(chosen)
    if as_json:
        terminal.data_json([asdict(record) for record in records])
    else:
        terminal.table(COLUMNS, [_cells(record) for record in records])


def _cells(service: blueprint.Service) -> list[str]:
    counts = service.counts
    copies = str(counts.desired) if counts.min == counts.max else f"{counts.min} <= {counts.desired} <= {counts.max}"
    scaling = "-"
    if service.scaling:
        scaling = f"{service.scaling.signal} {service.scaling.target} %" if service.scaling.target else "demand"
    return [
        service.name,
        "at each release" if service.one_shot else copies,
        f"{service.cpu:g}",
        f"{service.memory_gb:g} GB",
        str(service.port.number) if service.port else "-",
        {"none": "-", "internal": "services", "public": "people"}[service.exposure.value],
        scaling,
        ", ".join(sorted({secret.value for secret in service.secrets.values()})) or "-",
    ]
