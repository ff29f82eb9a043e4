"""A command to workers over a broker that accepts connections and sends nothing."""

from __future__ import annotations

import socket

import pytest
from kombu.exceptions import OperationalError

from tradewind.runtime.tasks.broker import LIMITS
from tradewind.runtime.tasks.control import send


def test_a_silent_broker_is_not_waited_for() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"redis://127.0.0.1:{silent.getsockname()[1]}/0"
        with pytest.raises((OperationalError, OSError)):
            send("duty", ["worker-1"], url, limits={**LIMITS, "socket_timeout": 0.2})
