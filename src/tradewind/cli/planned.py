"""Commands that do not exist yet. The reference lists them, so that new commands keep to one grammar."""

from __future__ import annotations

from typing import NamedTuple


class Planned(NamedTuple):
    """A planned command: its usage without the program's name, and its purpose."""

    usage: str
    purpose: str


PLANNED = (
    Planned("init", "Ask for the settings of a new tenant, and write its tradewind.yaml."),
    Planned("preflight -e ENV", "Check quotas, permissions and dependencies before the first plan."),
    Planned("cost -e ENV", "Estimate the monthly cost of an environment."),
    Planned("rehearse -e ENV", "Try failovers, protection and a release in a real account."),
    Planned("promote -e FROM --to ENV", "Promote the active release to the next environment."),
    Planned("diff -e ENV --with ENV", "Show the differences between two environments."),
    Planned("simulate -e ENV", "Run the scaling policies against a recorded or planned load."),
    Planned("scaling show|set|clear -e ENV", "Show and override the scaling of worker pools."),
    Planned("why TASK -e ENV", "Explain why a task has not started."),
    Planned("hibernate -e ENV", "Stop an environment, and keep its metadata."),
    Planned("wake -e ENV", "Start an environment that hibernates."),
    Planned("backup -e ENV", "Back up the metadata and the releases of an environment."),
    Planned("drill -e ENV", "Rehearse a recovery."),
    Planned("rotate SECRET -e ENV", "Replace a secret without an outage."),
    Planned("requirements check|add|why", "Resolve the Python requirements of the images."),
    Planned("connections list|set|remove -e ENV", "Manage Airflow connections."),
    Planned("variables list|set|remove -e ENV", "Manage Airflow variables."),
    Planned("pools list|set|remove -e ENV", "Manage Airflow pools."),
    Planned("report -e ENV", "Summarise runs, failures, scaling and cost of a period."),
)
