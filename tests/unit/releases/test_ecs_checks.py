"""Health checks of containers during outages of their dependencies: real checks on the emulator of ECS."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from ecs_emulator import Task
from ecs_world import World, release
from moto import mock_aws

from tradewind.blueprint import FileCheck
from tradewind.runtime.tasks.alive import Alive, Work

INTERVAL_S = 15
RETRIES = 4
"""As in terraform/modules/task/main.tf."""
AWAY_S = 600


class Checked:
    """The containers of an environment, each with the file that its health check reads."""

    def __init__(self, world: World, folder: Path) -> None:
        self.world, self.folder = world, folder
        self.now = 0.0
        self.touched: dict[str, float] = {}
        self.failures: dict[str, int] = {}
        world.ecs.is_ill = lambda task: self.failures.get(task.arn, 0) >= RETRIES
        self.max_age_s = {s.name: s.health.max_age_s for s in world.services if isinstance(s.health, FileCheck)}

    def of(self, service: str) -> list[Task]:
        return [task for task in self.world.ecs.tasks.values() if task.service.startswith(service) and not task.stopped]

    def check(self, service: str) -> None:
        """Run one health check of each container of a service, and one tick of ECS."""
        self.now += INTERVAL_S
        for task in self.of(service):
            fails = self.now - self.touched.get(task.arn, self.now) > self.max_age_s[service]
            self.failures[task.arn] = self.failures.get(task.arn, 0) + 1 if fails else 0
        self.world.ecs.tick()

    def signs_of_life(self, turned: Callable[[Path], None]) -> Callable[[Task], None]:
        """A function that calls ``turned`` with a container's file, and records the time if the file was touched."""

        def turn(task: Task) -> None:
            file = self.folder / task.id
            file.unlink(missing_ok=True)
            turned(file)
            if file.exists():
                self.touched[task.arn] = self.now

        return turn


@pytest.fixture
def checked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Checked]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    (tmp_path / "files").mkdir()
    with mock_aws():
        world = World(tmp_path / "records")
        world.deploy(release(1))
        world.ecs.queue = [1_000, 1_000]
        for _ in range(3):
            world.ecs.tick()
        yield Checked(world, tmp_path / "files")


def worker(checked: Checked, look: Callable[[], Work]) -> Callable[[Task], None]:
    """The signs of life of a worker whose loop turns."""
    lives: dict[Path, Alive] = {}

    def turned(file: Path) -> None:
        lives.setdefault(file, Alive(file, 2, look, lambda: checked.now)).on_iteration()

    return checked.signs_of_life(turned)


def test_no_worker_is_stopped_while_the_broker_is_away(checked: Checked) -> None:
    before = {task.arn for task in checked.of("worker")}
    turn = worker(checked, lambda: Work(1, ()))
    while checked.now < AWAY_S:
        for task in checked.of("worker"):
            turn(task)  # also while it tries to reach its broker
        checked.check("worker")
    assert {task.arn for task in checked.of("worker")} == before
    assert checked.world.ecs.lost == 0


def test_a_check_that_asks_for_the_broker_would_stop_them_all_with_their_tasks(checked: Checked) -> None:
    """The reason for the test above: ECS stops them, protected or not."""
    before = {task.arn for task in checked.of("worker")}
    for task in checked.of("worker"):
        checked.touched[task.arn] = checked.now  # the last response of the broker
    while checked.now < AWAY_S:
        checked.check("worker")
    assert not before & {task.arn for task in checked.of("worker")}
    assert checked.world.ecs.lost == 2


def test_a_worker_whose_pool_hangs_is_replaced_and_stopped(checked: Checked) -> None:
    hangs, *_ = checked.of("worker")
    well, ill = worker(checked, lambda: Work(1, ())), worker(checked, lambda: Work(0, {"never begun"}))
    while checked.now < AWAY_S:
        for task in checked.of("worker"):
            (ill if task is hangs else well)(task)
        checked.check("worker")
    assert hangs.stopped
    wanted = {service.name: service.counts.desired for service in checked.world.services}
    assert len([task for task in checked.of("worker") if task.healthy]) == wanted["worker"]


@pytest.mark.usefixtures("airflow_home")
def test_no_scheduler_is_stopped_while_the_database_is_away(checked: Checked) -> None:
    from sqlalchemy.exc import OperationalError

    from tradewind.runtime.database.outage import through_outages

    before = {task.arn for task in checked.of("scheduler")}
    turn = checked.signs_of_life(lambda file: file.touch())
    waited = checks = 0.0

    def sleep(seconds: float) -> None:
        nonlocal waited, checks
        waited += seconds
        while checks + INTERVAL_S <= waited:
            checks += INTERVAL_S
            checked.check("scheduler")

    def turned() -> None:
        for task in checked.of("scheduler"):
            turn(task)

    def loop() -> None:
        if waited < AWAY_S:
            raise OperationalError("SELECT 1", {}, Exception('(2003, "Can\'t connect")'))

    turned()
    through_outages(loop, turned, lambda: waited >= AWAY_S, sleep)
    assert checks >= AWAY_S - INTERVAL_S
    assert {task.arn for task in checked.of("scheduler")} == before
