"""The responses of the supervisor, and its choice of the DAG folder."""

import asyncio
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml
from machine_samples import ILL, STARTED, one_shot, process

from tradewind.blueprint import services
from tradewind.config import Tradewind, parse
from tradewind.errors import ExitCode, TradewindError
from tradewind.local.daemon import Daemon, Request
from tradewind.local.paths import StateDirectory
from tradewind.local.probes import WELL
from tradewind.local.process import ProcessSpec
from tradewind.local.process_plan import Plan
from tradewind.local.runtime import Programs
from tradewind.local.state_machine import Exited, Probed, State, Stop

ROOT = Path(__file__).parents[3]


def worker(number: int, folder: Path) -> ProcessSpec:
    spec = process(f"worker-{number}", {"web": STARTED}, stop_grace_s=120)
    return replace(spec, service="worker", log=folder / "worker.log")


@pytest.fixture
def tradewind() -> Tradewind:
    return parse((ROOT / "tradewind.yaml").read_text())


@pytest.fixture
def daemon(tradewind: Tradewind, tmp_path: Path) -> Daemon:
    """A daemon whose state machine considers every process healthy. No process is real."""
    specs = (one_shot("migrate-db"), process("web"), process("dag-processor"), worker(1, tmp_path), worker(2, tmp_path))
    planned = Plan(
        state_dir=StateDirectory(tmp_path / ".tradewind"),
        environment=tradewind.environment("dev"),
        dags=tmp_path,
        specs=specs,
        web_url="http://127.0.0.1:8080",
        flower_url="http://127.0.0.1:5555/flower/",
        login=("admin", "one"),
        flower_login=("admin", "two"),
        remarks=("port 8080 is in use",),
        runtime=Programs(StateDirectory(tmp_path / ".tradewind"), ""),
        images={},
        services={service.name: service for service in services(tradewind.environment("dev"))},
        instance=lambda name, number, image: replace(
            process(f"{name}-{number}" if number else name), service=name, image=image, log=tmp_path / "log"
        ),
    )
    daemon = Daemon(planned)
    machine = daemon.supervisor.machine
    machine.add(specs, 0)
    machine.handle(Exited("migrate-db", 0), 1)
    for name in ("web", "dag-processor", "worker-1", "worker-2"):
        machine.handle(Probed(name, WELL), 1)
    return daemon


def ask(daemon: Daemon, **request: Any) -> Any:
    return asyncio.run(daemon.handle(request))


def refusal(daemon: Daemon, **request: Any) -> TradewindError:
    with pytest.raises(TradewindError) as raised:
        ask(daemon, **request)
    return raised.value


def waiting(daemon: Daemon) -> list[Any]:
    """The events that wait for the loop."""
    queue = daemon.supervisor._events
    return [queue.get_nowait() for _ in range(queue.qsize())]


def test_status(daemon: Daemon) -> None:
    status = ask(daemon, do="status")

    assert json.loads(json.dumps(status)) == status
    assert {key: value for key, value in status.items() if key not in {"processes", "supervisor_pid"}} == {
        "version": 1,
        "environment": "dev",
        "healthy": True,
        "stopping": False,
        "supervisor": "answers",
        "dags": str(daemon.plan.dags),
        "dag_release": None,
        "output": str(daemon.plan.state_dir.output),
        "urls": {"web": "http://127.0.0.1:8080", "flower": "http://127.0.0.1:5555/flower/"},
        "remarks": ["port 8080 is in use"],
    }
    assert [row["name"] for row in status["processes"]] == [
        "migrate-db",
        "web",
        "dag-processor",
        "worker-1",
        "worker-2",
    ]


def test_what_the_controller_remarks_is_in_the_status_until_it_remarks_something_else(daemon: Daemon) -> None:
    for remarks in (["a.t waits"], ["a.t waits", "b.t waits"], []):
        ask(daemon, do="remark", remarks=remarks)
        assert ask(daemon, do="status")["remarks"] == ["port 8080 is in use", *remarks]


def test_nothing_in_the_status_is_secret(daemon: Daemon) -> None:
    assert "one" not in json.dumps(ask(daemon, do="status")).split('"')
    assert ask(daemon, do="login") == {"login": ("admin", "one"), "flower_login": ("admin", "two")}


def test_ill_is_not_healthy(daemon: Daemon) -> None:
    daemon.supervisor.machine.handle(Probed("web", ILL), 2)

    assert not ask(daemon, do="status")["healthy"]


def test_what_is_stopping_is_not_healthy(daemon: Daemon) -> None:
    daemon.supervisor.machine.handle(Stop(), 2)

    status = ask(daemon, do="status")

    assert status["stopping"]
    assert not status["healthy"]


def test_stop(daemon: Daemon) -> None:
    assert ask(daemon, do="stop") == {}
    assert ask(daemon, do="stop", now=True) == {}
    assert waiting(daemon) == [Stop(), Stop(now=True)]


@pytest.mark.parametrize(
    ("service", "names"),
    [("worker", ["worker-1", "worker-2"]), ("worker-2", ["worker-2"]), ("dag-processor", ["dag-processor"])],
)
def test_restart(daemon: Daemon, service: str, names: list[str]) -> None:
    ask(daemon, do="restart", service=service)

    assert [event.name for event in waiting(daemon)] == names


@pytest.mark.parametrize("service", ["wbe", "migrate-db", "worker-3", "", "dag"])
def test_restart_of_what_is_not_there(daemon: Daemon, service: str) -> None:
    error = refusal(daemon, do="restart", service=service)

    assert error.what == f"there is no service {service!r}"
    assert error.hint == "services: dag-processor, web, worker"
    assert error.code == ExitCode.USAGE
    assert waiting(daemon) == []


def row_of(daemon: Daemon, service: str) -> dict[str, Any]:
    (row,) = (row for row in ask(daemon, do="services")["services"] if row["name"] == service)
    return dict(row)


def test_a_person_says_how_many_and_the_controller_does_it(daemon: Daemon) -> None:
    assert row_of(daemon, "worker")["fixed"] is None
    ask(daemon, do="scale", service="worker", count=1)
    assert waiting(daemon) == []
    assert row_of(daemon, "worker")["fixed"] == 1


def test_the_controller_says_who_goes(daemon: Daemon) -> None:
    ask(daemon, do="keep", service="worker", count=1, leaving=["worker-1", "nobody"], image="")
    assert waiting(daemon)[0] == Stop(frozenset({"worker-1"}))
    ask(daemon, do="keep", service="worker", count=3, leaving=[], image="")
    assert "worker-3" in daemon.supervisor.machine.processes


def test_workers_of_another_image_count_for_none(daemon: Daemon) -> None:
    ask(daemon, do="register", image="new")
    ask(daemon, do="keep", service="worker", count=2, leaving=[], image="new")
    processes = daemon.supervisor.machine.processes
    assert [processes[name].spec.image for name in ("worker-1", "worker-2", "worker-3", "worker-4")] == [
        "",
        "",
        "new",
        "new",
    ]


def test_no_image_is_started_that_no_rollout_has_registered(daemon: Daemon) -> None:
    error = refusal(daemon, do="keep", service="worker", count=3, leaving=[], image="else")
    assert error.what == "no rollout has registered else"
    assert "worker-3" not in daemon.supervisor.machine.processes


def test_more_while_one_still_leaves(daemon: Daemon) -> None:
    daemon.supervisor.machine.handle(Stop(frozenset({"worker-2"})), 2)

    ask(daemon, do="keep", service="worker", count=2, leaving=[], image="")

    assert "worker-3" in daemon.supervisor.machine.processes


def test_one_more_process_from_another_image(daemon: Daemon) -> None:
    assert ask(daemon, do="add", service="worker", image="new") == {"name": "worker-3"}
    assert ask(daemon, do="add", service="dag-processor", image="new") == {"name": "dag-processor-2"}
    assert ask(daemon, do="add", service="migrate-db", image="new") == {"name": "migrate-db"}

    processes = daemon.supervisor.machine.processes
    assert {processes[name].spec.image for name in ("worker-3", "dag-processor-2", "migrate-db")} == {"new"}
    assert processes["worker-1"].spec.image == ""
    refusal(daemon, do="add", service="nothing", image="new")


def test_a_process_goes_on_from_another_image(daemon: Daemon) -> None:
    ask(daemon, do="replace", name="web", image="new")
    machine = daemon.supervisor.machine
    for event in waiting(daemon):
        assert event
        machine.handle(event, 2)
    assert (machine.processes["web"].state, machine.processes["web"].spec.image) == (State.STOPPING, "")

    machine.handle(Exited("web", 0), 3)

    assert (machine.processes["web"].state, machine.processes["web"].spec.image) == (State.STARTING, "new")
    refusal(daemon, do="replace", name="nothing", image="new")


def test_where_there_are_no_workers_they_come_from_the_image_in_force(daemon: Daemon) -> None:
    ask(daemon, do="adopt", images={"worker": "new"})

    assert row_of(daemon, "worker")["image"] == "new"


def test_scale_while_everything_stops_is_refused(daemon: Daemon) -> None:
    machine = daemon.supervisor.machine
    machine.handle(Stop(frozenset({"worker-1", "worker-2"})), 2)
    machine.handle(Exited("worker-1", 0), 3)
    machine.handle(Exited("worker-2", 0), 3)
    machine.handle(Stop(), 4)

    refusal(daemon, do="scale", service="worker", count=5)

    assert "worker-5" not in machine.processes


@pytest.mark.parametrize("service", ["web", "nothing"])
def test_only_workers_scale(daemon: Daemon, service: str) -> None:
    error = refusal(daemon, do="scale", service=service, count=2)

    assert error.what == f"{service} cannot be scaled on one machine"
    assert error.code == ExitCode.USAGE


def test_how_far_the_dag_folder_is_served(daemon: Daemon) -> None:
    assert ask(daemon, do="dags") == {"settled": False, "problem": ""}
    daemon.follower.folder = daemon.plan.dags / "apart"  # not the folder to which this test writes
    daemon.follower.folder.mkdir()
    (daemon.follower.folder / "link.py").symlink_to("/etc/passwd")
    daemon.look()
    found = ask(daemon, do="dags")
    assert found["settled"]
    assert "a link that leaves the folder" in found["problem"]


def test_a_question_that_nobody_knows(daemon: Daemon) -> None:
    assert "'dance'" in refusal(daemon, do="dance").what


def test_a_request_is_one_line_and_comes_back() -> None:
    request = Request("/a/tradewind.yaml", "dev", "/a\nb", {"workers": 3})

    assert "\n" not in request.to_json()
    assert Request(**json.loads(request.to_json())) == request


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A copy of the project's own file, in a folder without DAGs."""
    copy = tmp_path / "tradewind.yaml"
    copy.write_text((ROOT / "tradewind.yaml").read_text())
    return copy


def without_local_dags(file: Path) -> None:
    document = yaml.safe_load(file.read_text())
    document["local"].pop("dags")
    file.write_text(yaml.safe_dump(document))


def dag_folder(file: Path, **changes: Any) -> Path:
    return Request(str(file), **changes).resolve()[2]


def test_the_dag_folder(file: Path, tmp_path: Path) -> None:
    elsewhere, own, environments = tmp_path / "elsewhere", tmp_path / "examples/dags", tmp_path / "dags"
    for folder in (elsewhere, own, environments):
        folder.mkdir(parents=True)

    assert dag_folder(file) == own
    assert dag_folder(file, dags=str(elsewhere)) == elsewhere
    without_local_dags(file)
    assert dag_folder(file) == environments


def test_a_dag_folder_that_cannot_be_used_names_its_setting(file: Path, tmp_path: Path) -> None:
    def why(**changes: Any) -> str:
        with pytest.raises(TradewindError) as raised:
            dag_folder(file, **changes)
        assert raised.value.code == ExitCode.USAGE
        return raised.value.why

    assert why() == "there is no such folder (local.dags)"
    assert why(dags=str(tmp_path / "nowhere")) == "there is no such folder (--dags)"
    assert why(dags=str(file)) == "it is not a folder (--dags)"
    without_local_dags(file)
    assert why() == "there is no such folder (environments.dev.dags.path)"
