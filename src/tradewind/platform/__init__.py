"""What runs in an environment, and with which settings: pure functions of the configuration, no I/O.

One machine and AWS render the same records; neither adds a service or a setting of its own.
"""

from tradewind.platform.service import (
    Condition,
    Counts,
    Dependency,
    Endpoint,
    Exposure,
    FileCheck,
    HealthCheck,
    HttpCheck,
    JobCheck,
    Port,
    ScalingRule,
    Secret,
    Service,
    Tier,
)
from tradewind.platform.services import services
from tradewind.platform.settings import Setting, airflow_settings, settings_environment

__all__ = [
    "Condition",
    "Counts",
    "Dependency",
    "Endpoint",
    "Exposure",
    "FileCheck",
    "HealthCheck",
    "HttpCheck",
    "JobCheck",
    "Port",
    "ScalingRule",
    "Secret",
    "Service",
    "Setting",
    "Tier",
    "airflow_settings",
    "services",
    "settings_environment",
]
