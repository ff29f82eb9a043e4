"""Outages of the broker, the database and the API: no task fails, is lost or runs twice.

The platform has its own network, in which a test can cut off a server silently, and give its address to another one.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psutil
import pytest
import redis
from network import Network, can_be_made, network
from running import DAGS, Meanwhile, Running, eventually
from tests.counts import SOAK as LONG
from tests.counts import TASKS as MAPPED

from tradewind.blueprint import KERNEL
from tradewind.runtime.tasks import control

pytestmark = pytest.mark.local

AWAY_S = 20.0
"""Shorter than tasks wait for the API on one machine."""
TASKS = 1 + 1 + 1 + MAPPED + 1 + 12 + 3
"""The number of tasks in a run of the DAG steady."""
MIXED = 7
"""The number of tasks in a run of the DAG mixed and in the runs that it starts; in ``make soak`` only."""
TOLERANCE_S = 240
"""The setting for the longest outages, in ``make soak``."""
CLOSE_S = 0.25
WORKERS = ("worker-1", "worker-2")
JOBS = ("scheduler", "dag_processor", "triggerer")
SECONDS = (
    ("scheduler", "tradewind.runtime.bundle.scheduler"),
    ("triggerer", "tradewind.runtime.database.triggerer", "--skip-serve-logs"),
)
"""Services that production runs twice, and their commands. In ``make soak`` this platform runs two of each, too."""


@dataclass
class Second:
    """A second process of a service. After an outage, each of the two considers the other one dead."""

    name: str
    process: subprocess.Popen[bytes]
    sign: Path

    @classmethod
    @contextmanager
    def beside(cls, platform: Running, service: str, *command: str) -> Iterator[Second]:
        sign = platform.folder / f"second-{service}"
        env = {**platform.environment(service), "TRADEWIND_HEARTBEAT_FILE": str(sign)}
        with (
            sign.with_suffix(".log").open("w") as log,
            subprocess.Popen([sys.executable, "-m", *command], env=env, stdout=log, stderr=log) as process,
        ):
            try:
                yield cls(f"second {service}", process, sign)
            finally:
                process.terminate()
                with suppress(subprocess.TimeoutExpired):
                    process.wait(60)
                process.kill()

    @property
    def ended(self) -> int:
        """1 if the process has ended, else 0."""
        return int(self.process.poll() is not None)

    @property
    def heard(self) -> float:
        """The last turn of its loop, in Unix time; for a triggerer, now. Raises if the process has ended."""
        assert not self.ended, self.sign.with_suffix(".log").read_text()[-2000:]
        return time.time() if "triggerer" in self.name else self.sign.stat().st_mtime


Away = Callable[["Site", ExitStack], AbstractContextManager[None]]
"""Keeps a server unavailable during its block. The clean-up after the test goes onto the stack."""


@dataclass
class Site:
    """The platform, and its network if this user may create one."""

    platform: Running
    network: Network | None
    seconds: Sequence[Second] = ()

    @property
    def broker(self) -> Any:
        """A client of the broker."""
        return redis.Redis.from_url(self.broker_url, socket_timeout=5)

    @cached_property
    def broker_url(self) -> str:
        """The URL of the broker, with its password."""
        return self.platform.environment("worker-1")["AIRFLOW__CELERY__BROKER_URL"]

    def port(self, name: str) -> int:
        """The port of this server."""
        if name == "web":
            url = self.platform.status()["urls"]["web"]
        else:
            variable = {"broker": "AIRFLOW__CELERY__BROKER_URL", "database": "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"}
            url = self.platform.environment("scheduler")[variable[name]]
        return urlsplit(url).port or 0

    def restarts(self, case: Case) -> dict[str, int]:
        """The restarts of each process that must not restart."""
        rows = self.platform.status()["processes"]
        found = {row["name"]: row["restarts"] for row in rows if row["name"] not in case.changes}
        return found | {second.name: second.ended for second in self.seconds}

    def is_well(self, since: float) -> bool:
        """Whether every process is healthy, every worker responds over the broker, and Airflow's jobs have heartbeats.

        Raises if a query fails. ``since``: the heartbeats must be later, Unix time.
        """
        signs = self.platform.airflow.call("GET", "/monitor/health")
        heard = [datetime.fromisoformat(signs[job][f"latest_{job}_heartbeat"]).timestamp() for job in JOBS]
        answers = control.send("duty", list(WORKERS), self.broker_url, patience_s=2)
        heard += [second.heard for second in self.seconds]
        return bool(min(heard) > since and set(answers) == set(WORKERS) and self.platform.status()["healthy"])

    @property
    def own_network(self) -> Network:
        if self.network is None and not os.environ.get("TRADEWIND_SKIP_NOTHING"):
            pytest.skip("only root can make a network, with nft")
        assert self.network
        return self.network


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with ExitStack() as stack:
        own = stack.enter_context(network(KERNEL)) if can_be_made() else None
        running = Running.create(tmp_path_factory.mktemp("platform"), DAGS)
        file = running.folder / "tradewind.yaml"
        if os.environ.get(LONG):
            lines = "core.parallelism: 256, core.default_pool_task_slot_count: 256"
            file.write_text(
                file.read_text().replace("network:", f"airflow: {{settings: {{{lines}}}}}\n    network:")
                + f"  outage_tolerance_s: {TOLERANCE_S}\n"
            )
        running.tradewind("up")
        with ExitStack() as others:
            started = [others.enter_context(Second.beside(running, *each)) for each in SECONDS if os.environ.get(LONG)]
            yield Site(running, own, started)
        if own:
            own.heal()
        running.tradewind("down", "--now")
        assert running.left_behind() == []


@dataclass(frozen=True)
class Done:
    """The lines that tasks wrote when they had done their work."""

    file: Path

    def lines(self) -> list[list[str]]:
        """The fields of each line: run, task, map index, attempt, start."""
        return [line.split() for line in self.file.read_text().splitlines()] if self.file.exists() else []

    def tasks(self) -> set[tuple[str, ...]]:
        """The tasks that have done their work. Fails if one has done it twice."""
        counted = Counter(tuple(line[:4]) for line in self.lines())
        assert max(counted.values(), default=1) == 1, counted.most_common(3)
        return set(counted)

    def began(self, after: float) -> list[float]:
        """The starts of the tasks that began after this time."""
        return [began for *_, text in self.lines() if (began := float(text)) > after]

    def ended(self, platform: Running, dag: str, run: str) -> None:
        """Wait for the end of a run, in which every task has succeeded at its first attempt."""
        state = eventually(lambda: (s := platform.state(dag, run)) in {"success", "failed"} and s)
        tasks = platform.tasks(dag, run)
        assert state == "success", [
            (t["task_id"], t["map_index"], t["state"]) for t in tasks if t["state"] != "success"
        ]
        assert {task["try_number"] for task in tasks} == {1}


class Turns(Meanwhile):
    """Watches the scheduler's loop. ``longest``: its longest standstill, in seconds."""

    def __init__(self, site: Site) -> None:
        super().__init__()
        self._file = Path(site.platform.environment("scheduler")["TRADEWIND_HEARTBEAT_FILE"])
        self.longest = 0.0

    def step(self) -> float:
        self.longest = max(self.longest, time.time() - self._file.stat().st_mtime)
        return CLOSE_S


@contextmanager
def broker_demoted(site: Site, _: ExitStack) -> Iterator[None]:
    """The broker refuses every write, as a primary that a failover has made a replica."""
    client = site.broker
    client.replicaof("127.0.0.1", "1")
    try:
        yield
    finally:
        client.replicaof("NO", "ONE")


@contextmanager
def broker_full(site: Site, _: ExitStack) -> Iterator[None]:
    """The broker has reached its memory limit, and refuses commands that need more."""
    client = site.broker
    before = client.config_get("maxmemory*")
    client.config_set("maxmemory-policy", "noeviction")
    client.config_set("maxmemory", "1")
    try:
        yield
    finally:
        client.config_set("maxmemory", before["maxmemory"])
        client.config_set("maxmemory-policy", before["maxmemory-policy"])


@contextmanager
def broker_replaced(site: Site, after: ExitStack) -> Iterator[None]:
    """The broker's machine fails silently. Then a replica has its address, with the data that it had received."""
    url = urlsplit(site.broker_url)
    assert url.port
    assert url.password
    spare = url.port + 1000 if url.port < 60_000 else url.port - 1000
    options = {
        "port": spare, "bind": "127.0.0.1", "save": '""', "appendonly": "no", "dir": str(site.platform.folder),
        "requirepass": url.password, "masterauth": url.password, "replicaof": f"127.0.0.1 {url.port}",
    }  # fmt: skip
    program = psutil.Process(site.platform.row("broker")["pid"]).cmdline()[0]
    replica = after.enter_context(
        subprocess.Popen([program, "-"], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True)
    )
    after.callback(replica.kill)
    assert replica.stdin
    replica.stdin.write("".join(f"{name} {value}\n" for name, value in options.items()))
    replica.stdin.close()
    other = redis.Redis(port=spare, password=url.password)
    eventually(lambda: other.info("replication")["master_link_status"] == "up")
    after.callback(site.own_network.heal)
    site.own_network.cut(url.port)
    site.platform.kill("broker")
    yield
    other.replicaof("NO", "ONE")
    site.own_network.move(url.port, spare)
    site.own_network.back(url.port, forgotten=True)


@contextmanager
def database_replaced(site: Site, after: ExitStack) -> Iterator[None]:
    """The database's machine fails silently. Then another machine has its address, with the same data."""
    after.callback(site.own_network.heal)
    site.own_network.cut(site.port("database"))
    os.kill(site.platform.row("database")["pid"], signal.SIGQUIT)
    yield
    site.own_network.back(site.port("database"), forgotten=True)


@contextmanager
def zone_lost(site: Site, after: ExitStack) -> Iterator[None]:
    """Broker and database fail together, as if in one zone. Each has a replacement in another zone."""
    with broker_replaced(site, after), database_replaced(site, after):
        yield


@contextmanager
def database_restarted(site: Site, _: ExitStack) -> Iterator[None]:
    """The database ends, and the supervisor starts it again."""
    os.kill(site.platform.row("database")["pid"], signal.SIGQUIT)
    yield


def cut_off(name: str) -> Away:
    """The network drops all packets to and from the server, and later lets the same connections continue."""

    @contextmanager
    def cut(site: Site, after: ExitStack) -> Iterator[None]:
        after.callback(site.own_network.heal)
        site.own_network.cut(site.port(name))
        yield
        site.own_network.back(site.port(name), forgotten=False)

    return cut


def silent(name: str) -> Away:
    """Suspend a process and its children: the server accepts connections and sends no response."""

    @contextmanager
    def stopped(site: Site, _: ExitStack) -> Iterator[None]:
        first = psutil.Process(site.platform.row(name)["pid"])
        family = [first, *first.children(recursive=True)]
        for process in family:
            process.suspend()
        try:
            yield
        finally:
            for process in family:
                with suppress(psutil.NoSuchProcess):
                    process.resume()

    return stopped


@dataclass(frozen=True)
class Case:
    """The outage of a test: the server, the way, and the seconds.

    ``api``: runs can be started meanwhile. ``changes``: processes that may restart, because the outage concerns them.
    """

    what: str
    away: Away
    seconds: float = AWAY_S
    api: bool = True
    changes: tuple[str, ...] = ()

    def __str__(self) -> str:
        """For the name of the test."""
        return f"{self.what} for {self.seconds:.0f} s"


EACH_CHANGE = (
    Case("broker demoted", broker_demoted),
    Case("broker and database replaced", zone_lost, api=False, changes=("broker", "database")),
)
LONG_ONES = (
    Case("broker and database replaced", zone_lost, 180, api=False, changes=("broker", "database")),
    Case("database replaced", database_replaced, api=False, changes=("database",)),
    Case("broker demoted", broker_demoted, 180),
    Case("broker full", broker_full),
    Case("broker silent", silent("broker")),
    Case("broker cut off", cut_off("broker"), 60),
    Case("broker replaced", broker_replaced, changes=("broker",)),
    Case("broker replaced", broker_replaced, 180, changes=("broker",)),
    Case("database restarted", database_restarted, 1, api=False, changes=("database",)),
    Case("database silent", silent("database"), 60, api=False),
    Case("database cut off", cut_off("database"), 60, api=False),
    Case("database replaced", database_replaced, 180, api=False, changes=("database",)),
    Case("API silent", silent("web"), 60, api=False),
    Case("API cut off", cut_off("web"), 180, api=False, changes=("web",)),
)


@pytest.mark.parametrize(
    "case", [*EACH_CHANGE, *(pytest.param(case, marks=pytest.mark.soak) for case in LONG_ONES)], ids=str
)
def test_nothing_is_lost(site: Site, tmp_path: Path, case: Case) -> None:
    platform, done = site.platform, Done(tmp_path / "done")
    eventually(lambda: site.is_well(since=0))
    before = site.restarts(case)
    conf = {"file": str(done.file), "many": MAPPED}
    runs = [platform.trigger("steady", **conf, seconds=case.seconds + 10)]
    mixed = [platform.trigger("mixed", file=str(done.file), seconds=case.seconds + 5)] if os.environ.get(LONG) else []
    eventually(lambda: len(done.tasks()) >= 5)
    if not case.api:
        runs.append(platform.trigger("steady", **conf, seconds=1))
    with ExitStack() as after, Turns(site) as scheduler:
        with case.away(site, after):
            began = time.monotonic()
            if case.api:
                runs.append(platform.trigger("steady", **conf, seconds=1))
            time.sleep(max(0.0, case.seconds - (time.monotonic() - began)))
        back = time.time()
        eventually(lambda: site.is_well(since=back))
        well_s = time.time() - back
        for run in runs:
            done.ended(platform, "steady", run)
        for run in mixed:
            done.ended(platform, "mixed", run)
    expected = 2 * TASKS + len(mixed) * MIXED
    eventually(lambda: len(done.lines()) >= expected)  # a run that an asset has started may start late
    assert len(done.tasks()) == expected
    assert site.restarts(case) == before
    again = min(done.began(after=back), default=back)
    print(
        f"{case}: {len(done.tasks())} tasks, 0 failed, 0 lost, 0 twice, 0 restarts. After the outage: healthy after "
        f"{well_s:.1f} s, the first new task after {again - back:.1f} s. The scheduler's loop stood still for at most "
        f"{scheduler.longest:.1f} s"
    )


@pytest.mark.soak
def test_many_tasks_become_ready_while_the_broker_is_silent(site: Site, tmp_path: Path) -> None:
    platform, done = site.platform, Done(tmp_path / "done")
    case = Case("broker silent", silent("broker"), 120, changes=("broker",))
    eventually(lambda: site.is_well(since=0))
    before = site.restarts(case)
    with ExitStack() as after, Turns(site) as scheduler:
        with case.away(site, after):
            run = platform.trigger("ready", file=str(done.file))
            time.sleep(case.seconds)
            states = Counter(task["state"] for task in platform.tasks("ready", run))
        back = time.time()
        done.ended(platform, "ready", run)
    assert len(done.tasks()) == 200
    assert site.restarts(case) == before
    print(
        f"200 tasks, {states['queued']} queued, while the broker was silent for {case.seconds:.0f} s: 0 failed, "
        f"0 twice; the first began {min(done.began(after=back)) - back:.1f} s after it was back; the scheduler's loop "
        f"stood still for at most {scheduler.longest:.1f} s"
    )
    assert states["queued"] == 200
    assert scheduler.longest <= 10
