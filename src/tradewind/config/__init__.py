"""``tradewind.yaml``: one file that describes a tenant with its accounts and environments.

``load`` reads it, ``parse`` checks a text, ``find`` looks for it. What comes out is frozen, merged and valid; what is
wrong is reported all at once in a ``ConfigError``.
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
    WorkerClass,
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
    "WorkerClass",
    "find",
    "load",
    "parse",
]
