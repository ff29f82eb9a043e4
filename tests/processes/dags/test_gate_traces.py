"""DAG files share a process only if none leaves a trace in it. The findings are as if each had its own process."""

from __future__ import annotations

import zipfile
from pathlib import Path

import gate_samples
import pytest

from tradewind.config.gate_settings import Gate
from tradewind.dag_releases.manifest import Origin
from tradewind.dags.gate import gate as gates
from tradewind.dags.tree import File, Tree

SHOWS_PROCESS = """
import os
from airflow.providers.standard.operators.bash import BashOperator
from airflow.sdk import DAG, task
{code}
with DAG("{name}", schedule={schedule}, tags=[str(os.getpid())]):
    BashOperator(task_id="bash", bash_command="true")
"""
MANY = 24


def dag(name: str, code: str = "", schedule: str = "None") -> str:
    return SHOWS_PROCESS.format(name=name, code=code, schedule=schedule)


def examine(files: dict[str, str], jobs: int = 1, **gate: float) -> gates.Tested:
    named = {name: File(text.encode()) for name, text in files.items()}
    return gate_samples.examine(Tree(named, Origin()), Gate.model_validate(gate), jobs=jobs)


def processes(tested: gates.Tested) -> dict[str, str]:
    """By file: the process that imported it."""
    return {file.path: dag.tags[0] for file in tested.files for dag in file.dags}


def errors(tested: gates.Tested) -> dict[str, str]:
    return {finding.file: finding.text for finding in tested.findings if finding.error}


@pytest.mark.parametrize("jobs", [1, 2])
def test_files_that_leave_nothing_share_processes(jobs: int) -> None:
    schedules = ["None", "'@daily'", "'@once'", "'0 5 * * *'"]
    files = {f"f{n:02}.py": dag(f"f{n:02}", "import helper", schedules[n % 4]) for n in range(MANY)}
    tested = examine({**files, "helper.py": "SEEN = []\n"}, jobs)
    assert tested.findings == ()
    assert set(processes(tested)) == set(files)
    assert len(set(processes(tested).values())) <= MANY * 2 / 3


NAMES = "from airflow.providers.standard.operators.branch import BranchMixIn\n"
LEFT: dict[str, tuple[str, str]] = {
    "a variable of the environment": ("os.environ['LEFT'] = '1'", "os.environ['LEFT']"),
    "a module": ("import xml.dom.minidom", "import xml; xml.dom.minidom.Node"),
    "a variable of a module": ("import json; json.left = 1", "import json; json.left"),
    "another function of a module": (
        "import json; json.detect_encoding = lambda _: 'left'",
        "import json; assert json.detect_encoding(b'{}') == 'left'",
    ),
    "an attribute of an operator": ("BashOperator.left = 1", "BashOperator.left"),
    "another method of an operator": (
        "BashOperator.execute = lambda *_: 'left'",
        "assert BashOperator.execute.__name__ == '<lambda>'",
    ),
    "how an operator begins": (
        "from airflow.providers.standard.operators.empty import EmptyOperator as E; E.__init__ = lambda *_, **__: None",
        "from airflow.providers.standard.operators.empty import EmptyOperator; EmptyOperator()",
    ),
    "what only a helper names": (
        "import names; names.BranchMixIn.do_branch = 1",
        "import names; names.BranchMixIn.do_branch + 1",
    ),
    "a depth of recursion": (
        "import sys; sys.setrecursionlimit(9000)",
        "import sys; 1 / (sys.getrecursionlimit() == 9000)",
    ),
    "a deaf ear": (
        "import signal; signal.signal(signal.SIGUSR1, signal.SIG_IGN)",
        "import signal; assert signal.getsignal(signal.SIGUSR1) == signal.SIG_IGN",
    ),
    "a built-in function": ("import builtins; builtins.left = 1", "left"),
    "a path of modules": ("import sys; sys.path.insert(0, os.path.dirname(__file__) + '/lib')", "import only_in_lib"),
    "a working folder": ("os.chdir('/')", "assert os.getcwd() == '/'"),
    "a thread": (
        "import threading, time; threading.Thread(target=time.sleep, args=(60,), name='left', daemon=True).start()",
        "import threading; assert 'left' in [thread.name for thread in threading.enumerate()]",
    ),
    "a process": (
        "if os.fork() == 0:\n    import time\n    time.sleep(60)",
        "os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)",
    ),
    "a module of the folder": ("import helper; helper.SEEN.append(1)", "import helper; helper.SEEN[0]"),
}


def test_what_one_file_leaves_no_other_finds() -> None:
    """The files before and after it would pass only with its trace."""
    files, find = {"helper.py": "SEEN = []\n", "lib/only_in_lib.py": "1\n", "names.py": NAMES}, set()
    for number, (leaves, finds) in enumerate(LEFT.values()):
        for place, code in enumerate([finds, finds, leaves, finds, finds]):
            name = f"f{number:02}_{place}"
            files[f"{name}.py"] = dag(name, code)
            find |= {f"{name}.py"} if code is finds else set()
    assert set(errors(examine(files))) == find


def test_a_file_that_leaves_a_trace_is_read_once_more_at_most() -> None:
    """Files that import another library are not slower: each has its own process from the start."""
    files = {f"f{n:02}.py": dag(f"f{n:02}", "import xml.dom.minidom") for n in range(MANY)}
    tested = examine(files)
    assert tested.findings == ()
    assert len(set(processes(tested).values())) == MANY


def test_what_is_wrong_with_a_file_is_told_as_if_it_were_alone() -> None:
    wrong = {
        "f03.py": dag("f03", "1 / 0"),
        "f08.py": dag("f08", "import time; time.sleep(600)"),
        "f11.py": dag("f11", "os._exit(7)"),
        "f17.py": dag("f17", "x = [bytearray(16 << 20) for _ in range(100)]"),
        "f20.py": dag("f20", "import sys; sys.exit('enough')"),
    }
    files = {f"f{n:02}.py": dag(f"f{n:02}") for n in range(MANY)} | wrong
    tested = examine(files, jobs=2, import_timeout_s=4, memory_mb=256)
    found = errors(tested)
    assert set(found) == set(wrong)
    assert "ZeroDivisionError" in found["f03.py"]
    assert found["f08.py"] == "its import did not end within 4 s; it was at f08.py:5"
    assert found["f11.py"].startswith("the process that imported it ended with exit code 7")
    assert "the limit is 256 MB" in found["f17.py"]
    assert "SystemExit: enough" in found["f20.py"]
    assert set(processes(tested)) == set(files) - set(wrong)


SAYS = """
import json
def says(what):
    for descriptor in range(3, 64):
        try:
            os.write(descriptor, what)
        except OSError:
            pass
"""
FORGED = """
verdict = json.dumps({"as it was": True}).encode()
says(len(verdict).to_bytes(8, "big") + verdict)
"""


@pytest.mark.parametrize("speaks", ["os.fork()", SAYS + "says(bytes(8))", SAYS + FORGED, SAYS + "says(b'\\xff' * 8)"])
def test_who_speaks_for_the_one_who_imports_speaks_for_no_other_file(speaks: str) -> None:
    files = {f"f{n:02}.py": dag(f"f{n:02}", "1 / 0" if n % 6 == 4 else "") for n in range(MANY)}
    files |= {f"f{n:02}.py": dag(f"f{n:02}", speaks) for n in range(3, MANY, 6)}
    tested = examine(files)
    others = {f"f{n:02}.py" for n in range(MANY) if n % 6 != 3}
    assert {path for path in errors(tested) if path in others} == {f"f{n:02}.py" for n in range(4, MANY, 6)}
    seen = {file.path: [dag.id for dag in file.dags] for file in tested.files if file.path in others}
    assert seen == {path: [] if int(path[1:3]) % 6 == 4 else [path[:3]] for path in others}


def test_a_file_that_takes_long_but_not_too_long_has_a_process_of_its_own() -> None:
    files = {f"f{n:02}.py": dag(f"f{n:02}") for n in range(MANY)}
    files["f05.py"] = dag("f05", "import time; time.sleep(2.5)")
    tested = examine(files, slow_import_s=2)
    (slow,) = tested.findings
    assert (slow.rule, slow.file, slow.error) == ("slow", "f05.py", False)
    assert list(processes(tested).values()).count(processes(tested)["f05.py"]) == 1


def test_zip_files_share_as_well(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "z.zip", "w") as archive:
        archive.writestr("inside.py", dag("inside"))
    named = {f"f{n:02}.py": File(dag(f"f{n:02}").encode()) for n in range(MANY)}
    named["z.zip"] = File((tmp_path / "z.zip").read_bytes())
    tested = gate_samples.examine(Tree(named, Origin()), jobs=1)
    assert tested.findings == ()
    assert set(processes(tested)) == set(named)
