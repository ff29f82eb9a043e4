"""Real Airflow imports DAG files. The gate reports their errors, and contains their side effects."""

from __future__ import annotations

import json
import os
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import psutil
import pytest
from gate_samples import errors, examine

from tradewind.config.gate_settings import Gate
from tradewind.dag_releases.manifest import Origin
from tradewind.dags.gate.import_client import Importer
from tradewind.dags.source import Folder
from tradewind.dags.tree import File, Tree, collect

DAG = 'from airflow.sdk import DAG\n{}\nwith DAG("{}", schedule=None):\n    pass\n'
BOMB = """
import os
while True:
    try:
        os.fork()
    except OSError:
        pass
"""
LEAVES = """
import os, time
if os.fork() == 0:
    os.setsid()
    time.sleep(600)
"""
ORPHAN = """
import os, time
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        for fd in range(256):
            try:
                os.close(fd)
            except OSError:
                pass
        time.sleep(600)
    os._exit(0)
os.wait()
"""
MARK = "TRADEWIND_TEST_OF"
MARKED = {MARK: str(os.getpid())}


def tree(**files: str) -> Tree:
    named = {f"{name}.py": File(text.encode()) for name, text in files.items()}
    return Tree(named, Origin())


def dag(name: str, code: str = "") -> str:
    return DAG.format(code, name)


def eventually(look: Callable[[], bool]) -> None:
    end = time.monotonic() + 120
    while not look():
        assert time.monotonic() < end
        time.sleep(0.1)


def left_behind() -> list[str]:
    """Remaining processes of this test's imports. Imports of other tests run at the same time."""
    found = []
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            if process.environ().get(MARK) == str(os.getpid()):
                found.append(f"{process.pid} {process.cmdline()}")
    return found


def test_what_cannot_be_imported_is_told_with_file_and_line() -> None:
    tested = examine(
        tree(
            good=dag("good", "import helper"),
            helper="VALUE = 1\n",
            divides=dag("divides", "\n1 / 0"),
            syntax=dag("syntax", "def (:"),
            deep=dag("deep", "import broken_helper"),
            broken_helper="import sys\n\nsys.nothing\n",
            secret=dag("secret", "import os; os.environ['TRADEWIND_TEST']"),
            cycle=dag("cycle") + "    from airflow.providers.standard.operators.empty import EmptyOperator\n"
            "    a, b = EmptyOperator(task_id='a'), EmptyOperator(task_id='b')\n    a >> b >> a\n",
            twice=dag("twice") + "again = DAG('twice', schedule='@daily')\n",
            nothing="# neither\n",
        ),
    )
    found = errors(tested)
    lines = {finding.file: finding.line for finding in tested.findings}
    assert "ZeroDivisionError" in found["divides.py"]
    assert lines["divides.py"] == 3
    assert "SyntaxError" in found["syntax.py"]
    assert lines["syntax.py"] == 2
    assert "imported by deep.py" in found["broken_helper.py"]
    assert lines["broken_helper.py"] == 3
    assert "KeyError: 'TRADEWIND_TEST'" in found["secret.py"]
    assert found["cycle.py"].startswith("cycle: ")
    assert found["twice.py"].startswith("duplicate: ")
    assert set(found) == {"divides.py", "syntax.py", "broken_helper.py", "secret.py", "cycle.py", "twice.py"}
    assert tested.dags() == {"good.py": ("good",)}
    assert not tested.passed


def test_nothing_that_a_file_does_harms_the_rest() -> None:
    hostile = {
        "hangs": "import time\ntime.sleep(600)",
        "spins": "while True: pass",
        "deaf": "import signal, time\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\ntime.sleep(600)",
        "leaves": "import os; os._exit(7)",
        "exits": "import sys; sys.exit('enough')",
        "crashes": "import os, signal; os.kill(os.getpid(), signal.SIGABRT)",
        "parricide": "import os, signal; os.kill(os.getppid(), signal.SIGKILL)",
        "heir": LEAVES + "import os, signal; os.kill(os.getppid(), signal.SIGKILL)",
        "noisy": "print('x' * (50 << 20))",
        "eats": "x = []\nwhile True: x.append(bytearray(16 << 20))",
        "forks": BOMB,
        "orphans": ORPHAN,
        "threads": "import threading, time\nwhile True: threading.Thread(target=time.sleep, args=(60,)).start()",
        "closes": "import os\nos.closerange(0, 256)",
        "deep_json": "x = '[' * 100_000",
    }
    files = {name: dag(name, code) for name, code in hostile.items()}
    files |= {f"good_{number}": dag(f"good_{number}") for number in range(8)}
    tested = examine(tree(**files), Gate(import_timeout_s=4, memory_mb=256, processes=32, variables=MARKED), jobs=2)
    found = errors(tested)
    assert found["hangs.py"] == "slow: its import did not end within 4 s; it was at hangs.py:3"
    assert "it was at spins.py:2" in found["spins.py"]
    assert "it was at deaf.py:4" in found["deaf.py"]
    assert found["leaves.py"] == "ends: the process that imported it ended with exit code 7"
    assert "SystemExit: enough" in found["exits.py"]
    assert "by SIGABRT" in found["crashes.py"]
    assert "was stopped or killed" in found["parricide.py"]
    assert "was stopped or killed" in found["heir.py"]
    assert found["eats.py"].startswith("memory: ")
    assert "the limit is 256 MB" in found["eats.py"]
    assert found["forks.py"].startswith(
        ("processes: it started more than 32", "slow: its import did not end within 4 s")
    )
    assert found["threads.py"].startswith(("processes: it started more than 32", "import: RuntimeError: can't start"))
    assert "closes.py" in found
    fine = {"noisy.py", "orphans.py", "deep_json.py", *(f"good_{number}.py" for number in range(8))}
    assert set(tested.dags()) == fine
    assert left_behind() == []


def test_one_who_stops_its_importer_is_noticed() -> None:
    stops = tree(stops=dag("stops", "import os, signal; os.kill(os.getppid(), signal.SIGSTOP)"), good=dag("good"))
    tested = examine(stops, Gate(import_timeout_s=1, variables=MARKED), jobs=2)
    assert "was stopped or killed" in errors(tested)["stops.py"]
    assert set(tested.dags()) == {"good.py"}
    assert left_behind() == []


def test_modules_of_the_folder_are_behind_all_others_as_airflow_has_them() -> None:
    """A file with the name of a module of Python's library does not shadow it, and is not imported."""
    shadow = tree(wave="VALUE = 1\n", uses=dag("uses", "import wave; wave.VALUE"))
    assert "has no attribute 'VALUE'" in errors(examine(shadow))["uses.py"]


def test_what_a_file_starts_and_reads_at_its_import() -> None:
    """Also as root: the import then has the real user id of another user, and a shell uses the real id."""
    code = """
import os, subprocess
from pathlib import Path
here = Path(__file__).parent
assert subprocess.run(f"cat {here}/data.txt", shell=True, capture_output=True, check=True).stdout == b"data"
assert subprocess.run([here / "helper.sh"], capture_output=True, check=True).stdout == b"ran\\n"
assert os.access(here / "data.txt", os.R_OK)
Path.home().joinpath("own").write_text("x")
"""
    files = {"starts.py": File(dag("starts", code).encode()), "data.txt": File(b"data")}
    files["helper.sh"] = File(b"#!/bin/sh\necho ran\n", executable=True)
    assert errors(examine(Tree(files, Origin()))) == {}


@pytest.mark.parametrize("processes", [1, 2])
def test_few_processes_are_enough_for_most(processes: int) -> None:
    starts = "import subprocess; subprocess.run(['true'], check=True)"
    assert errors(examine(tree(a=dag("a", starts)), Gate(processes=processes))) == {}


def test_gates_at_the_same_time_do_not_take_each_other_s_processes(tmp_path: Path) -> None:
    begun, over = tmp_path / "begun", tmp_path / "over"
    many = f"""
import subprocess, time
from pathlib import Path
made = [subprocess.Popen(["sleep", "60"]) for _ in range(8)]
Path({str(begun)!r}).touch()
while not Path({str(over)!r}).exists():
    time.sleep(0.1)
"""
    starts = "import subprocess; subprocess.run(['true'], check=True)"
    with ThreadPoolExecutor() as pool:
        other = pool.submit(examine, tree(a=dag("a", many)), Gate(import_timeout_s=60))
        eventually(begun.exists)
        found = errors(examine(tree(a=dag("a", starts)), Gate(processes=1)))
        over.touch()
        assert (found, errors(other.result())) == ({}, {})


def test_an_importer_that_is_ended_early_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    with Importer(1):
        (home,) = tmp_path.glob("*/home")
        eventually(lambda: any(home.glob("*/sample.py")))
    assert list(tmp_path.iterdir()) == []


def test_a_memory_that_says_nonsense_or_cannot_be_kept(tmp_path: Path) -> None:
    notes = tmp_path / "notes"
    examine(tree(a=dag("a")), Gate(), notes)
    version, result = (notes / "results").read_text().splitlines()
    key, text = result.split(" ", 1)
    nonsense = json.dumps({**json.loads(text), "dags": "nonsense"})
    (notes / "results").write_text(f"{version}\n{key} {nonsense}\n")
    again = examine(tree(a=dag("a")), Gate(), notes)
    assert (again.reused, again.dags()) == (0, {"a.py": ("a",)})
    (tmp_path / "file").write_text("")
    assert examine(tree(a=dag("a")), Gate(), tmp_path / "file" / "notes").passed


def test_details_of_an_exception_are_behind_it() -> None:
    code = "raise ValueError('first line\\n  second\\nthird')"
    (finding,) = examine(tree(a=dag("a", code))).findings
    assert finding.text.splitlines()[:3] == ["ValueError: first line", "  second", "third"]


def test_a_gate_that_is_interrupted_leaves_no_processes() -> None:
    def interrupt(done: int, _all: int) -> None:
        if done:
            assert left_behind()
            raise KeyboardInterrupt

    files = tree(good=dag("good"), **{f"hangs_{n}": dag("hangs", "import time; time.sleep(600)") for n in range(3)})
    with pytest.raises(KeyboardInterrupt):
        examine(files, Gate(variables=MARKED), tell=interrupt, jobs=2)
    eventually(lambda: not left_behind())


def test_what_has_not_changed_is_not_imported_again(tmp_path: Path) -> None:
    files = {
        "one": dag("one", "import helper"),
        "two": dag("two"),
        "helper": "VALUE = 1\n",
        "broken": dag("broken", "1 / 0"),
    }
    notes = tmp_path / "notes"
    first = examine(tree(**files), Gate(), notes)
    again = examine(tree(**files), Gate(), notes)
    assert (first.reused, again.reused) == (0, 2)  # the file that failed is imported again
    assert [(f.path, f.dags, f.rule) for f in first.files] == [(f.path, f.dags, f.rule) for f in again.files]
    assert again.findings == first.findings
    files["broken"] = dag("broken")
    files["helper"] = "VALUE = 2\n"
    mended = examine(tree(**files), Gate(), notes)
    assert (mended.passed, mended.reused) == (True, 1)
    assert examine(tree(**files), Gate(), notes).reused == 3
    assert examine(tree(**files), Gate(import_timeout_s=29), notes).reused == 0
    written = (notes / "results").read_text()
    (notes / "results").write_text(written[: len(written) - 20])  # its last line is cut
    assert examine(tree(**files), Gate(import_timeout_s=29), notes).reused == 2


def test_what_git_ignores_and_airflowignore_says_counts(tmp_path: Path) -> None:
    for name, text in {
        "good.py": dag("good"),
        "drafts/bad.py": dag("bad", "1 / 0"),
        ".airflowignore": "drafts/\n",
        "__pycache__/old.py": "x",
    }.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    tested = examine(collect(Folder(tmp_path)))
    assert tested.passed
    assert tested.dags() == {"good.py": ("good",)}


def test_a_changed_file_is_still_ignored_where_a_folder_above_says_so(tmp_path: Path) -> None:
    files = {f"team/drafts/f{n}.py": File(dag(f"f{n}", "1 / 0").encode()) for n in range(2)}
    files |= {"team/good.py": File(dag("good").encode()), "team/.airflowignore": File(b"drafts/*\n")}
    first = examine(Tree(files, Origin()), Gate(), tmp_path)
    files["team/drafts/f1.py"] = File(dag("f1", "1 / 0 / 0").encode())
    again = examine(Tree(files, Origin()), Gate(), tmp_path)
    assert [(tested.dags(), tested.passed) for tested in (first, again)] == [({"team/good.py": ("good",)}, True)] * 2


def test_the_examples_may_be_shipped() -> None:
    tested = examine(collect(Folder(Path(__file__).parents[3] / "examples/dags")))
    assert tested.findings == ()
    assert "etl_sun_time" in {name for names in tested.dags().values() for name in names}


def test_variables_for_the_import(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OURS", "1")
    code = "import os\nfrom airflow.sdk import Variable\n"
    code += "assert Variable.get('team') == 'data' and 'OURS' not in os.environ"
    files = tree(asks=dag("asks", code))
    assert examine(files, Gate(variables={"AIRFLOW_VAR_TEAM": "data"})).passed
    assert not examine(files).passed


def test_variables_that_airflow_reads_when_it_is_loaded(tmp_path: Path) -> None:
    (tmp_path / "ours.py").write_text("")
    files = tree(asks=dag("asks", "import ours"))
    assert examine(files, Gate(variables={"PYTHONPATH": str(tmp_path)})).passed
    assert not examine(files).passed


def test_processes_are_limited_for_root_too() -> None:
    """On a large machine, the test of a fork bomb above would pass without a limit."""
    code = """
import os, time
made = []
try:
    for _ in range(100):
        pid = os.fork()
        if pid == 0:
            time.sleep(60)
        made.append(pid)
except BlockingIOError:
    pass
assert 8 <= len(made) <= 16, len(made)
"""
    assert errors(examine(tree(forks=dag("forks", code)), Gate(processes=16))) == {}
