"""The services of an environment and their settings: pure functions of the configuration, no I/O.

One machine and AWS render the same records; neither adds a service or a setting of its own.
"""

from tradewind.blueprint.containers import KERNEL, granted, health_command, on_aws
from tradewind.blueprint.service import (
    Access,
    Component,
    Condition,
    Counts,
    Dependency,
    Endpoint,
    Exposure,
    FileCheck,
    Grant,
    HealthCheck,
    HttpCheck,
    JobCheck,
    Port,
    ScalingRule,
    ScheduledCounts,
    Secret,
    Service,
    Tier,
)
from tradewind.blueprint.services import services
from tradewind.blueprint.settings import Setting, airflow_settings, settings_environment

__all__ = [
    "KERNEL",
    "Access",
    "Component",
    "Condition",
    "Counts",
    "Dependency",
    "Endpoint",
    "Exposure",
    "FileCheck",
    "Grant",
    "HealthCheck",
    "HttpCheck",
    "JobCheck",
    "Port",
    "ScalingRule",
    "ScheduledCounts",
    "Secret",
    "Service",
    "Setting",
    "Tier",
    "airflow_settings",
    "granted",
    "health_command",
    "on_aws",
    "services",
    "settings_environment",
]
