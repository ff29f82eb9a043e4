"""DAG files are imported by real Airflow, and what is wrong with them is told."""

from __future__ import annotations

from pathlib import Path

import pytest

from tradewind.dags.check import check, judge
from tradewind.errors import TradewindError

DAG = 'from airflow.sdk import DAG\n{}\nwith DAG("{}", schedule=None):\n    pass\n'


def test_what_cannot_be_imported_is_told(tmp_path: Path) -> None:
    for name, text in {
        "good.py": DAG.format("import helper", "good"),
        "helper.py": "VALUE = 1\n",
        "broken.py": DAG.format("1 / 0", "broken"),
        "slow.py": DAG.format("import time; time.sleep(600)", "slow"),
        "dies.py": DAG.format("import os; os._exit(7)", "dies"),
        "noisy.py": DAG.format("print('{}')", "noisy"),
        "secret.py": DAG.format("import os; os.environ['TRADEWIND_TEST']", "secret"),
        "unused.txt": "no DAG",
        "__pycache__/old.py": "x",
    }.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)

    files = {file.path: file for file in check(tmp_path, budget_s=10)}

    assert set(files) == {"good.py", "broken.py", "slow.py", "dies.py", "noisy.py", "secret.py"}
    assert (files["good.py"].dags, files["good.py"].problem) == (("good",), "")
    assert files["noisy.py"].dags == ("noisy",)
    assert "ZeroDivisionError" in files["broken.py"].problem
    assert files["slow.py"].problem == "it was not imported after 10 s"
    assert files["dies.py"].problem == "the process that imported it ended with 7"
    assert "KeyError: 'TRADEWIND_TEST'" in files["secret.py"].problem
    assert not list(tmp_path.glob("__pycache__/*.pyc"))


def test_the_examples_may_be_shipped() -> None:
    files = check(Path(__file__).parents[3] / "examples" / "dags")

    assert not [file for file in files if file.problem]
    assert "etl_sun_time" in {dag for file in files for dag in file.dags}


def test_a_folder_that_is_not_there() -> None:
    with pytest.raises(TradewindError, match="there is no folder nowhere"):
        check(Path("nowhere"))


def entry(file: str, *dags: str, error: str = "") -> dict[str, object]:
    return {"file": file, "dags": list(dags), "error": error, "seconds": 0.1}


def test_a_dag_that_two_files_define_is_wrong_in_both() -> None:
    one, two, three = judge([entry("one.py", "etl", "a"), entry("two.py", "etl"), entry("three.py", "b")])

    assert one.problem == "the DAG etl is also in two.py"
    assert two.problem == "the DAG etl is also in one.py"
    assert three.problem == ""
