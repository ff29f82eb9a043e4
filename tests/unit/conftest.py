"""Shared fixtures of the unit tests."""

from __future__ import annotations

import os
import sys
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import croniter  # noqa: F401  it starts a program when it is imported, and Airflow imports it late
import pytest

if TYPE_CHECKING:
    from sqlalchemy import Engine


@pytest.fixture(autouse=True, scope="package")
def _nothing_is_synchronised() -> Iterator[None]:
    """Turn off fsync: unit tests do not test a power failure, and tests with many records would wait for it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", lambda descriptor: None)
        yield


@pytest.fixture(scope="module")
def airflow_home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """An empty AIRFLOW_HOME: Airflow reads its configuration when it is imported, and must not read this machine's."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AIRFLOW_HOME", str(tmp_path_factory.mktemp("airflow")))
        yield


@pytest.fixture
def airflow_tables(airflow_home: None) -> Iterator[Engine]:
    """Airflow's own tables, empty, in SQLite."""
    from airflow.models.base import Base
    from airflow.utils.db import import_all_models
    from sqlalchemy import create_engine
    from sqlalchemy.pool import StaticPool

    import_all_models()
    engine = create_engine("sqlite://", poolclass=StaticPool, connect_args={"check_same_thread": False})
    Base.metadata.create_all(engine)
    yield engine
    engine.dispose()


TOUCHES = frozenset(
    {
        "subprocess.Popen",
        "os.exec",
        "os.fork",
        "os.forkpty",
        "os.posix_spawn",
        "os.system",
        "socket.bind",
        "socket.connect",
    }
)
"""Python's audit events that a unit test must not cause. Tests that cause them are in tests/processes."""


class Auditor:
    """Records the audit events of the running test. An audit hook stays for the life of the process."""

    def __init__(self) -> None:
        self.touched: list[str] | None = None
        sys.addaudithook(self._hear)

    def _hear(self, event: str, arguments: tuple[object, ...]) -> None:
        if self.touched is not None and event in TOUCHES:
            self.touched.append(f"{event} {arguments!r:.200}")


AUDITOR = Auditor()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, None, None]:
    """Fail a test that starts a process or uses the network, and name the event."""
    if Path(__file__).parent not in item.path.parents:
        return (yield)
    AUDITOR.touched = []
    try:
        result = yield
    finally:
        touched, AUDITOR.touched = AUDITOR.touched, None
    assert not touched, f"belongs into tests/processes: {touched}"
    return result
