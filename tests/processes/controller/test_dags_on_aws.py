"""``tradewind dags`` with an environment on AWS: moto's bucket, and a real dispatcher that answers through it."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NoReturn

import pytest
from controlled import CONFIGURATION, ControlledEnvironment
from infrastructure_samples import FakeCloud
from moto import mock_aws
from moto.core.botocore_stubber import BotocoreStubber
from typer.testing import CliRunner, Result

from tradewind import config
from tradewind.cli.app import app
from tradewind.cli.options import using
from tradewind.environments.external import ExternalDependencies
from tradewind.environments.on_aws import KEPT
from tradewind.errors import TradewindError
from tradewind.infrastructure.stack import environment_stack
from tradewind.releases.record import Release
from tradewind.storage.lease import Lease, of_environment


def no_terraform(data: Path, cache: Path) -> NoReturn:
    raise AssertionError("a command about DAGs needs no Terraform")


def one_by_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """S3 replaces an object atomically. In moto the object is missing for a moment, so threads must not overlap."""
    answer, lock = BotocoreStubber.__call__, threading.RLock()

    def locked(self: BotocoreStubber, *arguments: Any, **named: Any) -> Any:
        with lock:
            return answer(self, *arguments, **named)

    monkeypatch.setattr(BotocoreStubber, "__call__", locked)


@pytest.fixture
def environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ControlledEnvironment]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    (tmp_path / "tradewind.yaml").write_text(CONFIGURATION)
    (tmp_path / "dags").mkdir()
    (tmp_path / "dags/a.py").write_text("import helper\n")
    (tmp_path / "dags/helper.py").write_text("X = 1\n")
    monkeypatch.chdir(tmp_path)
    one_by_one(monkeypatch)
    with mock_aws():
        made = ControlledEnvironment(tmp_path)
        stack = environment_stack(config.load(Path("tradewind.yaml")), "dev")
        made.keep_releases_in(stack.account.state_bucket)
        cloud = FakeCloud(stack.account.id, {stack.account.state_bucket: {}}, published=lambda: made.outputs)
        with using(ExternalDependencies(lambda region: cloud, no_terraform)):
            yield made
        made.end()


def run(*arguments: str, code: int = 0) -> Result:
    done = CliRunner().invoke(app, ["dags", *arguments])
    assert done.exit_code == code, (done.output, done.exception)
    return done


def test_there_and_back_without_a_way_into_the_network(environment: ControlledEnvironment, tmp_path: Path) -> None:
    one = run("deploy", "-e", "dev").stdout.strip()
    assert environment.active == one
    (tmp_path / "dags/helper.py").write_text("X = 2\n")
    two = run("deploy", "-e", "dev").stdout.strip()
    assert environment.active == two != one
    assert run("diff", "-e", "dev").stdout == "changed  helper.py\nimports  a.py\n"
    assert run("rollback", "-e", "dev").stdout.strip() == one == environment.active
    listed = json.loads(run("list", "-e", "dev", "--json").stdout)
    assert {row["id"]: row["active"] for row in listed["releases"]} == {one: True, two: False}


def test_what_is_already_there_is_sent_and_put_in_force_once(
    environment: ControlledEnvironment, tmp_path: Path
) -> None:
    release = run("build", "dags", "--store", "store").stdout.strip()
    assert run("deploy", "-e", "dev", "--release", release, "--store", "store").stdout.strip() == release
    serial = environment.shared.active()
    assert run("deploy", "-e", "dev").stdout.strip() == release
    assert environment.shared.active() == serial


def test_other_dag_files_make_another_release(environment: ControlledEnvironment, tmp_path: Path) -> None:
    releases = environment.releases
    first = releases.keep(Release({"worker": "sha256:" + "1" * 64}, created="2026-01-01"))
    releases.settle(first, "deployed", 1_800_000_000.0)
    one = json.loads(run("deploy", "-e", "dev", "--json").stdout)
    now = releases.current()
    assert now
    assert (now.id, now.dags, now.images) == (one["environment_release"], one["release"], first.images)
    (tmp_path / "dags/helper.py").write_text("X = 2\n")
    run("deploy", "-e", "dev")
    back = json.loads(run("rollback", "-e", "dev", "--json").stdout)
    assert (back["release"], back["environment_release"]) == (one["release"], now.id)
    history = [(entry["event"], entry["release"]) for entry in releases.history()]
    assert len(history) == 4
    assert history[0] == ("deployed", first.id)
    assert history[-1] == ("rolled-back", now.id)


def test_while_a_release_comes_dag_files_are_not_deployed_but_taken_back(
    environment: ControlledEnvironment, tmp_path: Path
) -> None:
    run("deploy", "-e", "dev")
    (tmp_path / "dags/helper.py").write_text("X = 2\n")
    run("deploy", "-e", "dev")
    releases = environment.releases
    lease = Lease.take(releases.records, of_environment("dev"), "deploys r-1", time.time)
    assert "deploys r-1" in str(run("deploy", "-e", "dev", code=1).exception)
    run("rollback", "-e", "dev")
    lease.release()
    releases.begin("r-1", None, "", back=False)
    assert "the deployment of r-1 to dev is unfinished" in str(run("deploy", "-e", "dev", code=1).exception)


ASKS = """
from airflow.sdk import DAG, BaseHook, Variable
from airflow.providers.standard.operators.empty import EmptyOperator
with DAG("asks", schedule=None):
    EmptyOperator(task_id="t")
def later():
    return Variable.get("zone"), Variable.get("region"), BaseHook.get_connection("lake"), Variable.get("no such/!"),
def earlier():
    return Variable.get("gone"), BaseHook.get_connection("nowhere")
"""


def findings_of(code: int) -> set[tuple[str, bool, str]]:
    found = json.loads(run("test", "dags", "--env", "dev", "--no-cache", "--json", code=code).stdout)["findings"]
    return {(f["rule"], f["error"], f["text"]) for f in found}


def test_the_gate_asks_for_what_an_environment_has(environment: ControlledEnvironment, tmp_path: Path) -> None:
    (tmp_path / "dags/asks.py").write_text(ASKS)
    environment.metadata.there["variables"] = {"zone"}
    environment.metadata.left = {"dropped": frozenset({"x"})}
    for name in ("connections/lake", "variables/region", "variables/gone"):
        environment.secrets.create_secret(Name=f"acme-dev/{name}", SecretString="s3cret")
    environment.secrets.delete_secret(SecretId="acme-dev/variables/gone")
    assert findings_of(3) == {
        ("variable", True, "there is no variable gone"),
        ("variable", True, "there is no variable no such/!"),
        ("connection", True, "there is no connection nowhere"),
        ("removed", False, "the DAG dropped was removed; unfinished runs stay on their release"),
    }
    environment.outputs = {}
    ((rule, error, text),) = findings_of(0)
    assert (rule, error) == ("environment", False)
    assert "does not exist yet" in text


@pytest.mark.parametrize(
    ("outputs", "why"),
    [
        ({"controller_bucket": "acme-dev-controller-999"}, "NoSuchBucket"),
        ({"other": 1}, "dev has no controller: an earlier version of Tradewind made it"),
    ],
)
def test_an_environment_that_cannot_be_asked_keeps_nothing_back(
    environment: ControlledEnvironment, outputs: dict[str, Any], why: str
) -> None:
    environment.outputs = outputs
    Path("dags/b.py").write_text("# without a DAG, but with the words airflow and dag\n")
    ((rule, error, text),) = findings_of(0)
    assert (rule, error) == ("environment", False)
    assert why in text


def test_of_what_was_made_here_the_last_few_stay(environment: ControlledEnvironment, tmp_path: Path) -> None:
    made = []
    for number in range(KEPT + 2):
        (tmp_path / "dags/helper.py").write_text(f"X = {number}\n")
        made.append(run("deploy", "-e", "dev").stdout.strip())
    left = {file.name for file in (tmp_path / ".tradewind/dag-builds/dev").glob("d-*")}
    assert left == {f"{release}.{kind}" for release in made[2:] for kind in ("json", "zip")}


def test_what_cannot_be(environment: ControlledEnvironment) -> None:
    refused = run("rollback", "-e", "dev", code=1)
    assert isinstance(refused.exception, TradewindError)
    assert refused.exception.what == "there is no earlier DAG release"
    nobody = run("prune", "-e", "dev", code=1)
    assert isinstance(nobody.exception, TradewindError)
    assert "Airflow cannot be queried" in nobody.exception.why
    environment.outputs = {}
    missing = run("deploy", "-e", "dev", code=1)
    assert isinstance(missing.exception, TradewindError)
    assert "does not exist yet" in missing.exception.what
