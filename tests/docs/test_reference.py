"""The reference pages agree with the code. They are compared with real records, not with a copy."""

from __future__ import annotations

import json
import tomllib
from dataclasses import asdict, fields, is_dataclass
from pathlib import Path
from typing import Any

import blocks
import pytest
import typer
from blocks import DOCS, ROOT
from fleet_of_fakes import FakeTarget, ignore
from typer.testing import CliRunner

from tradewind import blueprint, config
from tradewind.blueprint import Component
from tradewind.blueprint.settings import STOCK
from tradewind.cli.app import app
from tradewind.cli.planned import PLANNED
from tradewind.cli.reference import markdown
from tradewind.config import Environment, Problem, show
from tradewind.dags.tree import Limits
from tradewind.errors import ExitCode
from tradewind.images.images import Image
from tradewind.local import process_plan, state_machine
from tradewind.local.daemon import STATUS_VERSION, Daemon
from tradewind.local.orphans import ABANDONED
from tradewind.local.paths import StateDirectory
from tradewind.local.process import ProcessSpec
from tradewind.local.runtime import Programs
from tradewind.local.state_machine import State
from tradewind.operations.diagram import svg
from tradewind.releases.record import Release
from tradewind.releases.repository import ReleaseRepository
from tradewind.releases.rollout import Rollout
from tradewind.storage.records import FolderRecords

REFERENCE = DOCS / "reference"
JSON = REFERENCE / "json.md"
TYPES = {
    "string": str,
    "integer": int,
    "number": (int, float),
    "boolean": bool,
    "object": dict,
    "list of strings": list,
    "list of objects": list,
}


def large(name: str) -> Environment:
    return config.load(ROOT / "examples/large/tradewind.yaml").environment(name)


def assert_described(heading: str, record: dict[str, Any]) -> None:
    """The table below ``heading`` names every field of ``record``, and its type."""
    rows = {row[0]: row[1] for row in blocks.cells(JSON, heading)}
    assert set(rows) == set(record)
    for name, value in record.items():
        kind, _, null = rows[name].partition(" or ")
        if value is None:
            assert null == "null", name
        else:
            assert isinstance(value, TYPES[kind]), (name, value)
            assert kind in {"boolean", "object"} or not isinstance(value, bool), name


# -- the command line ---------------------------------------------------------------------------------------------


def test_the_page_of_commands_is_up_to_date() -> None:
    stored = (REFERENCE / "cli.md").read_text(encoding="utf-8")
    assert stored == markdown(), "run: tradewind reference > docs/reference/cli.md"


def test_the_page_of_commands_has_every_command_and_every_option() -> None:
    page = markdown()
    for words, command in leaves(("tradewind",), typer.main.get_command(app)):
        assert f"## {' '.join(words)}\n" in page
        for param in command.params:
            if param.param_type_name == "option":
                assert all(f"`{name}`" in page for name in param.opts)


def test_the_table_of_commands_has_every_command() -> None:
    table = markdown().partition("## All commands")[2].partition("## Everywhere")[0]
    listed = [row.split("`")[1].split() for row in table.splitlines() if row.startswith("| [`")]
    shown = [words for words, _ in leaves(("tradewind",), typer.main.get_command(app))]

    assert [tuple(words[: len(name)]) for words, name in zip(listed, shown, strict=True)] == shown
    for one in PLANNED:
        assert f"| `tradewind {one.usage.replace('|', chr(92) + '|')}` | to come |" in table


def test_the_picture_is_up_to_date() -> None:
    stored = (DOCS / "platform.svg").read_text(encoding="utf-8")
    hint = "tradewind diagram -e prod --file examples/large/tradewind.yaml > docs/platform.svg"
    assert stored == svg(large("prod")), f"run: {hint}"


def test_no_name_of_an_option_means_two_things() -> None:
    for words, command in leaves(("tradewind",), typer.main.get_command(app)):
        names = [name for param in command.params if param.param_type_name == "option" for name in param.opts]
        assert sorted(names) == sorted(set(names)), " ".join(words)


def leaves(words: tuple[str, ...], command: Any) -> list[tuple[tuple[str, ...], Any]]:
    if not hasattr(command, "commands"):
        return [(words, command)]
    visible = [(name, inner) for name, inner in command.commands.items() if not inner.hidden]
    return [leaf for name, inner in visible for leaf in leaves((*words, name), inner)]


def test_the_page_of_exit_codes_has_them_all() -> None:
    rows = blocks.cells(REFERENCE / "exit-codes.md", "Exit codes")
    assert [(int(code), name) for code, name, _ in rows] == [(int(code), code.name) for code in ExitCode]


# -- the JSON outputs ---------------------------------------------------------------------------------------------


@pytest.fixture
def daemon(tmp_path: Path) -> Daemon:
    """A daemon that serves nothing yet, with two processes that were not started."""
    state_dir = StateDirectory(tmp_path / ".tradewind")
    state_dir.create()
    specs = (
        ProcessSpec("broker", "broker", ("true",), {}, state_dir.logs / "broker.log"),
        ProcessSpec("web", "web", ("true",), {}, state_dir.logs / "web.log", url="http://127.0.0.1:8080"),
    )
    return Daemon(
        process_plan.Plan(
            state_dir=state_dir,
            environment=large("dev"),
            dags=tmp_path,
            specs=specs,
            web_url="http://127.0.0.1:8080",
            flower_url="http://127.0.0.1:5555/flower/",
            login=("admin", "-"),
            flower_login=("admin", "-"),
            remarks=("port 8080 is in use",),
            runtime=Programs(state_dir, ""),
            images={},
            services={},
            instance=lambda name, number, image: ProcessSpec(name, name, ("true",), {}, state_dir.logs / "log"),
        )
    )


def test_the_fields_of_images() -> None:
    image = Image(Component.WORKER, "key", "tag", None)
    assert_described("One of `images`", image.as_dict())


def test_the_fields_of_releases(tmp_path: Path) -> None:
    release = Release(dict.fromkeys(Component, "sha256:" + "1" * 64))
    assert_described("tradewind release create", release.as_dict())
    rollout = Rollout(ReleaseRepository("dev", FolderRecords(tmp_path)), FakeTarget("sha256:" + "1" * 64))
    ReleaseRepository("dev", rollout.releases.records).keep(release)
    rollout.deploy(release, ignore)
    assert_described("tradewind release status", rollout.status())
    page = JSON.read_text()
    assert all(f"`{name}`" in page for entry in rollout.releases.history() for name in entry)


def test_the_fields_of_status(daemon: Daemon) -> None:
    daemon.supervisor.machine.add(daemon.plan.specs, 0.0)
    status = json.loads(json.dumps(daemon.status(usage=False)))
    assert_described("tradewind status", status)
    assert status["version"] == STATUS_VERSION == 1
    assert set(status["urls"]) == {"web", "flower"}
    assert len(status["processes"]) == 2
    for row in status["processes"]:
        assert_described("One of `processes`", row)


def test_the_fields_of_status_where_nothing_runs(tmp_path: Path) -> None:
    (tmp_path / "tradewind.yaml").write_text((ROOT / "tradewind.yaml").read_text())
    result = CliRunner().invoke(app, ["status", "--json", "--file", str(tmp_path / "tradewind.yaml")])
    assert json.loads(result.stdout) == {
        "version": STATUS_VERSION,
        "healthy": False,
        "supervisor": "none",
        "processes": [],
    }
    assert result.exit_code == ExitCode.UNHEALTHY


def test_the_states() -> None:
    assert [row[0] for row in blocks.cells(JSON, "Values of `state`")] == [*(state.value for state in State), ABANDONED]


@pytest.mark.parametrize("name", ["dev", "staging", "pre-prod", "prod"])
def test_the_fields_of_services(name: str) -> None:
    for service in blueprint.services(large(name)):
        assert_described("tradewind services", json.loads(json.dumps(asdict(service))))


@pytest.mark.parametrize(
    ("field", "records"),
    [
        ("counts", [blueprint.Counts]),
        ("port", [blueprint.Port]),
        ("health", [blueprint.HttpCheck, blueprint.JobCheck, blueprint.FileCheck]),
        ("scaling", [blueprint.ScalingRule]),
        ("schedule", [blueprint.ScheduledCounts]),
        ("dependencies", [blueprint.Dependency]),
    ],
)
def test_the_fields_inside_a_service(field: str, records: list[type]) -> None:
    meaning = next(row[-1] for row in blocks.cells(JSON, "tradewind services") if row[0] == field)
    for record in records:
        assert is_dataclass(record)
        assert all(f"`{one.name}`" in meaning for one in fields(record)), record


@pytest.mark.parametrize(
    ("field", "values"),
    [
        ("exposure", blueprint.Exposure),
        ("dependencies", blueprint.Condition),
        ("dags", blueprint.Access),
        ("task_logs", blueprint.Access),
        ("endpoints", blueprint.Endpoint),
    ],
)
def test_the_values_inside_a_service(field: str, values: Any) -> None:
    meaning = next(row[-1] for row in blocks.cells(JSON, "tradewind services") if row[0] == field)
    assert all(f"`{value.value}`" in meaning for value in values)


def test_the_fields_of_settings() -> None:
    for setting in blueprint.airflow_settings(large("prod")):
        assert_described("tradewind services --settings", asdict(setting))


def test_the_fields_of_a_check() -> None:
    result = CliRunner().invoke(app, ["config", "check", "--json", "--file", str(ROOT / "tradewind.yaml")])
    assert_described("tradewind config check", json.loads(result.stdout))
    empty = Problem("", "is empty").as_dict()
    full = Problem("web.min", "is too large", "3", ("1", "2"), "2", 1, 2).as_dict()
    assert_described("One of `problems`", empty)
    assert_described("One of `problems`", full)


def test_the_fields_of_show() -> None:
    tenant = config.load(ROOT / "examples/large/tradewind.yaml")
    whole = show.whole(tenant)
    one = show.one_environment(tenant.environment("prod"))
    assert "defaults" not in whole
    extra = {name: one[name] for name in set(one) - set(whole["environments"]["prod"])}
    assert_described("tradewind config show", extra)


# -- tables that repeat values of the code ---------------------------------------------------------------------------


def every_service() -> dict[str, blueprint.Service]:
    """The settings of small and large environments, with local users and without."""
    small = config.load(ROOT / "tradewind.yaml").environment("dev")
    found = [service for environment in (large("prod"), small) for service in blueprint.services(environment)]
    return {service.name: service for service in found if not service.name.startswith("worker-")}


def test_who_holds_which_secret() -> None:
    rows = blocks.cells(ROOT / "SECURITY.md", "Which service gets which secret?")
    said = {name: {word.strip(" `") for word in secrets.split(",")} for name, secrets in rows}
    assert said == {
        name: {secret.value for secret in service.secrets.values()} for name, service in every_service().items()
    }
    text = (ROOT / "SECURITY.md").read_text()
    assert all(f"| `{secret.value}` |" in text for secret in blueprint.Secret)


def test_the_page_of_services() -> None:
    reached = {"none": "no client", "internal": "services", "public": "users"}
    said = {row[0]: row[2] for row in blocks.cells(DOCS / "concepts/services.md", "Services")}
    assert said == {name: reached[service.exposure.value] for name, service in every_service().items()}


def test_the_figures_on_the_page_of_resilience() -> None:
    small = config.load(ROOT / "tradewind.yaml")
    environments = [small.environment("dev"), process_plan.resize(small.environment("dev"), small.local)]
    rows = blocks.cells(DOCS / "concepts/resilience.md", "What happens when a service fails?")
    for column, environment in enumerate(environments, start=1):
        set_ = {f"{section}.{key}": value for (section, key), value in STOCK.items()}
        set_ |= {f"{s.section}.{s.key}": s.value for s in blueprint.airflow_settings(environment)}
        for row in rows:
            product = 1
            for name in row[0].replace("`", "").split(" × "):
                product *= int(set_[name])
            assert row[column] == f"{product} s", row[0]


def test_the_figures_of_the_supervisor() -> None:
    rows = dict(blocks.cells(DOCS / "concepts/resilience.md", "The supervisor of one machine"))
    assert f"after {state_machine.BACK_OFF_FIRST_S:g} s" in rows["a process exits unexpectedly"]
    assert f"up to {state_machine.BACK_OFF_MAX_S:g} s" in rows["a process exits unexpectedly"]
    assert state_machine.CRASH_LOOP_AFTER == 5
    assert f"healthy for {state_machine.STEADY_AFTER_S:g} s" in rows
    assert f"runs, but is not healthy for {state_machine.PATIENCE_S:g} s" in rows


def test_the_layers_of_the_architecture() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    levels = project["tool"]["importlinter"]["contracts"][0]["layers"]
    layers = [layer for level in levels for layer in level.split(" | ")]
    text = (ROOT / "ARCHITECTURE.md").read_text()
    found = [layer for line in text.splitlines() for layer in layers if line.startswith(f"| `{layer}` |")]
    assert found == layers
    assert all(f"**{folder.name}/**" in text for folder in (ROOT / "src/tradewind").iterdir() if is_package(folder))


def is_package(folder: Path) -> bool:
    return (folder / "__init__.py").exists()


def test_the_limits_of_a_dag_release() -> None:
    limits = Limits()
    said = (
        f"more than {limits.files:,} files, a file above {limits.file_size / 1e6:g} MB, "
        f"more than {limits.size / 1e6:g} MB in all"
    )
    assert said in " ".join((DOCS / "guides" / "dag-releases.md").read_text().split())
