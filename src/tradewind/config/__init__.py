"""``tradewind.yaml``: one file that describes a tenant with its accounts and environments.

``load`` reads and checks the file, ``parse`` checks a text, and ``find`` searches for the file. The result is frozen,
merged and valid. A ``ConfigError`` reports all problems at once.
"""

from __future__ import annotations

from tradewind.config.environment import Environment
from tradewind.config.load import FILE_NAME, NoConfigurationError, find, load, parse
from tradewind.config.network import Identity
from tradewind.config.problems import ConfigError, Problem
from tradewind.config.service_settings import (
    Controller,
    DagProcessor,
    ExecutionApi,
    FixedService,
    Flower,
    ScalingService,
    Schedule,
    Scheduler,
    Size,
    Triggerer,
    Web,
    WorkerPool,
)
from tradewind.config.tenant import Account, Local, Tradewind

__all__ = [
    "FILE_NAME",
    "Account",
    "ConfigError",
    "Controller",
    "DagProcessor",
    "Environment",
    "ExecutionApi",
    "FixedService",
    "Flower",
    "Identity",
    "Local",
    "NoConfigurationError",
    "Problem",
    "ScalingService",
    "Schedule",
    "Scheduler",
    "Size",
    "Tradewind",
    "Triggerer",
    "Web",
    "WorkerPool",
    "find",
    "load",
    "parse",
]
