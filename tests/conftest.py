"""Settings for every test."""

from __future__ import annotations

import signal

import hypothesis
import pytest
from tests.times import recorder

# A background process of a shell ignores Ctrl-C, and so would every program that a test starts.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# A slow machine must not fail a test.
hypothesis.settings.register_profile(
    "patient", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow], print_blob=True
)
hypothesis.settings.load_profile("patient")


def pytest_configure(config: pytest.Config) -> None:
    if found := recorder(config):
        config.pluginmanager.register(found)
