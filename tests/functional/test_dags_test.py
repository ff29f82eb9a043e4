"""``tradewind dags test``, called from a terminal and from a pipeline."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

COMMAND = Path(sys.executable).parent / "tradewind"
DAG = "from airflow.sdk import DAG, task\nimport helper\n\nwith DAG({name!r}, schedule=None):\n    pass\n"
CONFIGURATION = """
tenant: acme
region: eu-central-1
accounts: {non-production: {id: "123456789012"}}
environments:
  dev:
    account: non-production
    network: {cidr: 10.10.0.0/20}
    dags: {path: dags, gate: {tests: checks, rules: {tags: true}}}
"""


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    write(tmp_path, {"dags/one.py": DAG.format(name="one"), "dags/helper.py": "VALUE = 1\n"})
    return tmp_path


def write(folder: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)


def run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {"PATH": os.environ["PATH"], "HOME": str(folder / "home"), "SECRET": "x"}
    called = [str(COMMAND), "dags", "test", *arguments]
    done = subprocess.run(called, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert "Traceback (most" not in done.stderr
    return done


def told(done: subprocess.CompletedProcess[str]) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(done.stdout)
    assert document["version"] == 1
    return document


def test_what_is_well_passes_and_is_not_imported_twice(repository: Path) -> None:
    first = run(repository, "dags")
    assert (first.returncode, first.stdout) == (0, "")
    assert "1 file, 1 DAG in " in first.stderr
    assert "0 errors, 0 warnings" in first.stderr
    assert "1 file (1 from the cache)" in run(repository, "dags").stderr
    assert "from the cache" not in run(repository, "dags", "--no-cache").stderr
    found = told(run(repository, "dags", "--json"))
    assert (found["passed"], found["reused"], found["tests"], found["findings"]) == (True, 1, None, [])
    assert [(file["file"], file["dags"]) for file in found["files"]] == [("one.py", ["one"])]


def test_a_pipeline_that_is_aborted_leaves_nothing(repository: Path, tmp_path: Path) -> None:
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    write(repository, {"dags/hangs.py": "from airflow.sdk import DAG\nwhile True:\n    pass\n"})
    environment = {"PATH": os.environ["PATH"], "HOME": str(tmp_path / "home"), "TMPDIR": str(scratch)}
    called = [str(COMMAND), "dags", "test", "dags"]
    with subprocess.Popen(called, cwd=repository, env=environment, stderr=subprocess.PIPE, text=True) as process:
        while not list(scratch.glob("tradewind-gate-*/dags/hangs.py")):
            assert process.poll() is None
            time.sleep(0.05)
        process.terminate()
        _, said = process.communicate()
    assert process.returncode == 130
    assert "Traceback" not in said
    assert list(scratch.iterdir()) == []


def test_what_is_wrong_has_a_file_and_a_line_and_a_report(repository: Path) -> None:
    write(repository, {"dags/helper.py": "\nVALUE = 1 / 0\n", "dags/two.py": DAG.format(name="two")[:40]})
    done = run(repository, "dags", "--junit", "build/report.xml")
    assert done.returncode == 3
    assert "dags/helper.py:2: error: import: imported by one.py: ZeroDivisionError: division by zero" in done.stdout
    assert '      File "one.py", line 2, in <module>' in done.stdout
    assert "extraction.py" not in done.stdout
    assert "dags/two.py:2: error: import: SyntaxError: invalid syntax" in done.stdout
    suites = ElementTree.parse(repository / "build/report.xml").findall("testsuite")
    assert [(suite.get("name"), suite.get("failures")) for suite in suites] == [("dags", "2")]
    message = suites[0].findall(".//failure")[0].get("message") or ""
    assert "import: imported by one.py: ZeroDivisionError: division by zero" in message


def test_the_repositorys_own_tests(repository: Path) -> None:
    good = "import os\nimport helper\n\ndef test_it():\n"
    good += "    assert helper.VALUE == 1\n    assert 'SECRET' not in os.environ\n"
    write(repository, {"tests/test_it.py": good})
    done = run(repository, "dags")
    assert done.returncode == 0, done.stderr
    assert "; 1 test" in done.stderr
    write(repository, {"tests/test_it.py": good + "\ndef test_other():\n    assert 1 == 2, 'we count'\n"})
    failed = run(repository, "dags", "--junit", "report.xml")
    assert failed.returncode == 3
    assert "tests/test_it.py:8: error: tests.test_it.test_other: AssertionError: we count" in failed.stdout.splitlines()
    suites = ElementTree.parse(repository / "report.xml").findall("testsuite")
    assert [(suite.get("tests"), suite.get("failures")) for suite in suites] == [("1", "0"), ("2", "1")]
    assert run(repository, "dags", "--no-tests").returncode == 0
    write(repository, {"tests/test_it.py": "import nothing_of_this_name\n"})
    assert "ModuleNotFoundError" in run(repository, "dags").stdout + run(repository, "dags").stderr
    write(repository, {"tests/test_it.py": ""})
    assert run(repository, "dags").returncode == 0


def test_the_configurations_rules(repository: Path) -> None:
    write(repository, {"tradewind.yaml": CONFIGURATION})
    missing = run(repository)
    assert (missing.returncode, missing.stdout) == (3, "dags/one.py: error: tags: one has no tag\n")
    dag = DAG.format(name="one").replace("schedule=None", "schedule=None, tags=['x']")
    write(repository, {"dags/one.py": dag})
    named = run(repository, "--env", "dev")
    assert named.returncode == 2
    assert "checks: dags.gate.tests names it" in named.stderr.replace("\n", " ")
    write(repository, {"checks/test_it.py": "def test_it():\n    pass\n"})
    assert "; 1 test" in run(repository, "--env", "dev").stderr
    unknown = run(repository, "--env", "prod")
    assert unknown.returncode == 2
    assert "prod" in unknown.stderr


QUEUES = """
tenant: acme
region: eu-central-1
accounts: {non-production: {id: "111111111111"}, live: {id: "222222222222", production: true}}
environments:
  dev:
    account: non-production
    network: {cidr: 10.10.0.0/20}
    workers: {default: {}, gpu: {queues: [gpu, gpu2]}}
  prod:
    account: live
    network: {cidr: 10.20.0.0/20}
    workers: {gpu: {}}
    airflow: {settings: {operators.default_queue: gpu}}
promotion: {dev: prod}
"""


def test_queues_of_the_environment_that_is_asked_for(repository: Path) -> None:
    task = "    @task(queue='gpu2')\n    def t():\n        pass\n    t.expand_kwargs([{}])\n"
    plain = "    @task\n    def u():\n        pass\n    u()\n"
    dag = DAG.format(name="one").replace("    pass\n", task + plain)
    write(repository, {"tradewind.yaml": QUEUES, "dags/one.py": dag})
    assert run(repository).returncode == 0
    other = run(repository, "--env", "prod")
    assert other.returncode == 3
    (said,) = [line for line in other.stdout.splitlines() if "error" in line]
    assert said == (
        "dags/one.py: error: queue: no worker pool serves the queue gpu2 (did you mean gpu?); "
        "task t of one waits forever; available: gpu; see `workers` in tradewind.yaml"
    )
    # A task without a queue waits in the default queue of the environment's settings.
    write(
        repository, {"tradewind.yaml": QUEUES.replace("    airflow: {settings: {operators.default_queue: gpu}}\n", "")}
    )
    found = told(run(repository, "--env", "prod", "--json"))["findings"]
    assert [(f["dag"], f["text"].partition(";")[0]) for f in found if f["rule"] == "queue"] == [
        ("one", "no worker pool serves the queue default"),
        ("one", "no worker pool serves the queue gpu2 (did you mean gpu?)"),
    ]
    assert run(repository, "dags", "--no-tests").returncode == 0


def test_a_folder_that_is_not_there(repository: Path) -> None:
    done = run(repository, "nowhere")
    assert done.returncode == 2
    assert "there is no folder nowhere" in done.stderr
    nothing = run(repository)
    assert nothing.returncode == 2
    assert "tradewind.yaml" in nothing.stderr


def test_an_exception_that_drives_a_terminal_does_not(repository: Path) -> None:
    write(repository, {"dags/one.py": "# dag airflow\nraise ValueError('\\x1b[2J \\x00 there')\n"})
    done = run(repository, "dags", "--junit", "report.xml")
    assert done.returncode == 3
    assert "ValueError: \ufffd[2J \ufffd there" in done.stdout
    (failure,) = ElementTree.parse(repository / "report.xml").iter("failure")
    assert "there" in (failure.text or "")


def test_where_nothing_can_be_written(repository: Path) -> None:
    (repository / "home").write_text("a file")
    assert run(repository, "dags").returncode == 0
    done = run(repository, "dags", "--junit", "home/report.xml")
    assert done.returncode == 1
    assert "home/report.xml cannot be written" in done.stderr
