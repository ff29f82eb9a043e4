"""Releases on the real platform, from real images, under load: no task is lost or runs twice."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from contextlib import closing, contextmanager

import pymysql
import pytest
from load import Load
from running import COMMAND, Meanwhile, Running, eventually
from shop import Shop
from tests.counts import CONTROLLER_KILLS, RELEASE_KILLS, RELEASES

pytestmark = [pytest.mark.containers, pytest.mark.xdist_group("containers")]


class Visitor(Meanwhile):
    """Two clients that call web again and again."""

    threads = 2

    def __init__(self, url: str) -> None:
        super().__init__()
        self.url = url
        self.answered = 0
        self.failed: list[str] = []

    def step(self) -> float:
        try:
            with urllib.request.urlopen(f"{self.url}/api/v2/version", timeout=30) as answer:
                answer.read()
            self.answered += 1
        except OSError as error:
            self.failed.append(str(error))
        return 0.1


def images_of(platform: Running, service: str) -> set[str]:
    """The images that a service runs, without draining workers. Fails if the services run different releases."""
    return set(json.loads(platform.tradewind("release", "status", "-e", "local", "--json").stdout)["running"][service])


def drained(platform: Running) -> None:
    """Wait until the replaced workers have drained and ended."""

    def left() -> set[str]:
        return {row["image"] for row in platform.status()["processes"] if row["service"] == "worker"}

    eventually(lambda: len(left()) == 1)
    assert left() == images_of(platform, "worker")


@pytest.fixture
def variants(shop: Shop) -> list[str]:
    """Two worker images that differ only in their digests."""
    worker = shop.images()["worker"]
    return [shop.variant(worker, "--label", f"variant={number}") for number in (1, 2)]


def test_releases_under_load_lose_nothing(shop: Shop, platform: Running, variants: list[str]) -> None:
    releases = [shop.release(worker=image) for image in variants]
    began = time.monotonic()
    with Load(platform) as load:
        for number in range(RELEASES):
            platform.tradewind("release", "deploy", "-e", "local", releases[number % 2])
            assert images_of(platform, "worker") == {variants[number % 2]}
        load.step()  # tasks that run on the last one, too
    each = (time.monotonic() - began) / RELEASES
    used = load.images()
    drained(platform)
    tasks = sum(count for _, count in load.runs)
    print(f"{RELEASES} releases, {each:.1f} s each, {tasks} tasks of 1 to 30 s: 0 failed, 0 lost, 0 twice")
    assert used >= set(variants[:RELEASES])


def test_all_services_go_to_another_image_and_back(shop: Shop, platform: Running) -> None:
    before = platform.tradewind("release", "status", "-e", "local").stdout
    changed = {component: shop.variant(image, "--label", "all=1") for component, image in shop.images().items()}
    visitor = Visitor(platform.status()["urls"]["web"])
    with Load(platform) as load, visitor:
        platform.tradewind("release", "deploy", "-e", "local", shop.release(**changed))
        for service, component in (("web", "webserver"), ("triggerer", "scheduler"), ("worker", "worker")):
            assert images_of(platform, service) == {changed[component]}
        platform.tradewind("release", "rollback", "-e", "local")
    load.images()
    drained(platform)

    assert platform.tradewind("release", "status", "-e", "local").stdout == before
    assert "rollback" in platform.tradewind("release", "history", "-e", "local").stdout
    share = visitor.answered / (visitor.answered + len(visitor.failed))
    print(f"web answered {visitor.answered} requests and failed {len(visitor.failed)}: {share:.3%}")
    assert share >= 0.999, visitor.failed[:5]


@pytest.mark.parametrize(
    "component",
    [
        "worker",
        "webserver",
        pytest.param("scheduler", marks=pytest.mark.soak),
        pytest.param("flower", marks=pytest.mark.soak),
    ],
)
def test_an_image_that_does_not_start_is_taken_back(shop: Shop, platform: Running, component: str) -> None:
    before = platform.tradewind("release", "status", "-e", "local").stdout
    broken = shop.variant(shop.images()[component], "--entrypoint", '["false"]')
    with Load(platform) as load:
        said = platform.tradewind("release", "deploy", "-e", "local", shop.release(**{component: broken}), check=False)
    load.images()

    assert said.returncode == 1
    assert "is active again" in said.stderr
    assert platform.tradewind("release", "status", "-e", "local").stdout == before


@contextmanager
def newer_database(platform: Running) -> Iterator[None]:
    """As if a later version of Airflow had migrated the database."""
    folder = platform.folder / ".tradewind"
    port = json.loads((folder / "ports.json").read_text())["database"]
    password = json.loads((folder / "secrets.json").read_text())["airflow"]
    connection = pymysql.connect(host="127.0.0.1", port=port, user="airflow", password=password, database="airflow")
    with closing(connection), connection.cursor() as cursor:
        cursor.execute("SELECT version_num FROM alembic_version")
        (revision,) = cursor.fetchone()
        try:
            cursor.execute("UPDATE alembic_version SET version_num = 'ffffffffffff'")
            connection.commit()
            yield
        finally:
            cursor.execute("UPDATE alembic_version SET version_num = %s", (revision,))
            connection.commit()


def test_a_migration_that_fails_changes_nothing(shop: Shop, platform: Running) -> None:
    before = platform.tradewind("release", "status", "-e", "local").stdout
    other = shop.variant(shop.images()["scheduler"], "--label", "migrates=1")
    with Load(platform) as load, newer_database(platform):
        said = platform.tradewind("release", "deploy", "-e", "local", shop.release(scheduler=other), check=False)
    load.images()

    assert said.returncode == 1
    assert "does not know the database's revision ffffffffffff" in said.stderr
    assert platform.tradewind("release", "status", "-e", "local").stdout == before


def test_a_canary_that_fails_takes_the_release_back(shop: Shop, platform: Running) -> None:
    before = platform.tradewind("release", "status", "-e", "local").stdout
    ill = shop.variant(shop.images()["worker"], "--env", "CANARY_FAILS=1")
    with Load(platform) as load:
        said = platform.tradewind("release", "deploy", "-e", "local", shop.release(worker=ill), check=False)
    load.images()

    assert said.returncode == 1
    assert "of the DAG canary failed" in said.stderr
    assert platform.tradewind("release", "status", "-e", "local").stdout == before


def test_a_deployment_that_was_killed_goes_on(shop: Shop, platform: Running, variants: list[str]) -> None:
    chance = random.Random(11)
    with Load(platform) as load:
        for number in range(RELEASE_KILLS):
            release = shop.release(worker=variants[number % 2])
            process = subprocess.Popen(
                [str(COMMAND), "release", "deploy", "-e", "local", release],
                cwd=platform.folder,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
            time.sleep(chance.uniform(0.5, 20))
            process.send_signal(signal.SIGKILL)
            killed = process.wait() == -signal.SIGKILL
            platform.tradewind("release", "resume", "-e", "local")
            platform.tradewind("release", "status", "-e", "local")  # fails if the services run different releases
            assert len(images_of(platform, "worker")) == 1
            assert not killed or images_of(platform, "worker") <= {*variants, shop.images()["worker"]}
    load.images()
    drained(platform)


def test_a_controller_that_is_killed_during_a_release_is_followed_by_another(
    shop: Shop, platform: Running, variants: list[str]
) -> None:
    chance = random.Random(12)
    with Load(platform) as load:
        for number in range(CONTROLLER_KILLS):
            release = shop.release(worker=variants[number % 2])
            process = subprocess.Popen([str(COMMAND), "release", "deploy", "-e", "local", release], cwd=platform.folder)
            time.sleep(chance.uniform(0.5, 15))
            os.kill(platform.row("controller")["pid"], signal.SIGKILL)
            assert process.wait() == 0
            assert images_of(platform, "worker") == {variants[number % 2]}
    load.images()
    drained(platform)


def test_the_dag_files_of_a_release_come_and_go_with_it(shop: Shop, platform: Running, variants: list[str]) -> None:
    first = json.loads(platform.tradewind("release", "status", "-e", "local", "--json").stdout)["release"]
    file = platform.folder / "dags" / "one_more.py"

    def served(line: str) -> str:
        was = platform.status()["dag_release"]
        file.write_text(line)
        eventually(lambda: platform.status()["dag_release"] not in {None, was})
        return str(platform.status()["dag_release"])

    # At first, the active DAG release may come from another test, and differ from the folder.
    before = served("# one release of DAG files\n")
    after = served("# another release of DAG files\n")
    assert served("# one release of DAG files\n") == before
    whole = shop.release(worker=variants[0], dags=after)
    assert f"-> {after}" in platform.tradewind("release", "deploy", "-e", "local", whole, "--dry-run").stdout
    platform.tradewind("release", "deploy", "-e", "local", whole)
    assert platform.status()["dag_release"] == after
    platform.tradewind("dags", "rollback", "-e", "local")
    status = json.loads(platform.tradewind("release", "status", "-e", "local", "--json").stdout)
    assert (status["consistent"], platform.status()["dag_release"]) == (True, before)
    assert status["release"] not in {first, whole}
    platform.tradewind("release", "rollback", "-e", "local", whole)
    assert platform.status()["dag_release"] == after
    platform.tradewind("release", "deploy", "-e", "local", first)
    platform.tradewind("dags", "rollback", "-e", "local", before)


@pytest.mark.soak
def test_the_platform_comes_back_with_the_release_in_force(shop: Shop, platform: Running, variants: list[str]) -> None:
    platform.tradewind("release", "deploy", "-e", "local", shop.release(worker=variants[0]))
    before = platform.tradewind("release", "status", "-e", "local").stdout
    platform.tradewind("down")

    platform.tradewind("up", "--containers")

    assert images_of(platform, "worker") == {variants[0]}
    assert platform.tradewind("release", "status", "-e", "local").stdout == before
