"""The findings of the gate, from the results of the imports."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from tradewind.config.gate_settings import DagRules, Gate
from tradewind.dags.gate.dag_facts import Dag, Imported, SlowImport, Task
from tradewind.dags.gate.rules import EnvironmentFacts, Finding, compare, judge
from tradewind.errors import TradewindError


def task(name: str = "t", **others: object) -> Task:
    plain: dict[str, object] = {
        "owner": "team",
        "retries": 2,
        "timeout_s": None,
        "pool": "default_pool",
        "queue": "default",
    }
    return Task(name, **{**plain, "connections": (), "copies": 1, **others})  # type: ignore[arg-type]


def file(path: str, *dags: Dag, **others: object) -> Imported:
    return Imported(path, dags, **others)  # type: ignore[arg-type]


def dag(name: str, *tasks: Task, tags: tuple[str, ...] = (), timeout_s: float | None = None) -> Dag:
    return Dag(name, tags, timeout_s, tasks)


def said(findings: tuple[Finding, ...]) -> list[str]:
    return [f"{'error' if f.error else 'warning'} {f.rule} {f.file}:{f.line} {f.text}" for f in findings]


def test_nothing_is_said_of_what_is_well() -> None:
    assert judge([file("a.py", dag("a", task())), file("b.py")], Gate()) == ()


def test_a_dag_that_two_files_define_is_wrong_in_both() -> None:
    found = said(judge([file("a.py", dag("etl"), dag("a")), file("b.py", dag("etl")), file("c.py", dag("c"))], Gate()))
    assert found == [
        "error duplicate a.py:0 etl is also in b.py",
        "error duplicate b.py:0 etl is also in a.py",
    ]


def test_fan_out_above_the_limit() -> None:
    many = dag("a", task("few", copies=1000), task("many", copies=1001))
    assert said(judge([file("a.py", many)], Gate())) == [
        "error fan-out a.py:0 a.many expands to 1,001 tasks in each run; the limit is 1,000"
    ]


@pytest.mark.parametrize(
    ("rules", "wrong"),
    [
        ({"owner": True}, "owner a.py:0 tasks x, y of a have no owner"),
        ({"retries": 1}, "retries a.py:0 task y of a has fewer than 1 retries"),
        ({"tags": True}, "tags a.py:0 a has no tag"),
        (
            {"timeouts": True},
            "timeouts a.py:0 task y of a has no execution_timeout, and its runs have no dagrun_timeout",
        ),
    ],
)
def test_rules_of_the_configuration(rules: Mapping[str, object], wrong: str) -> None:
    tasks = task("x", owner="airflow", timeout_s=60.0), task("y", owner="airflow", retries=0), task("z", timeout_s=1.0)
    files = [file("a.py", dag("a", *tasks))]
    assert judge(files, Gate()) == ()
    assert said(judge(files, Gate(rules=DagRules(**rules)))) == [f"error {wrong}"]  # type: ignore[arg-type]


def test_all_rules_are_kept() -> None:
    rules = DagRules(owner=True, retries=2, tags=True, timeouts=True)
    assert judge([file("a.py", dag("a", task(), tags=("x",), timeout_s=3600.0))], Gate(rules=rules)) == ()


def test_a_slow_import_is_named_where_it_is_caused() -> None:
    outer, inner = SlowImport(3.0, "helpers.big", "a.py", 4), SlowImport(2.9, "pandas", "helpers/big.py", 2)
    other = SlowImport(0.2, "json", "a.py", 5)
    found = said(judge([file("a.py", seconds=3.5, imports=(outer, inner, other))], Gate()))
    told = "its import takes 3.5 s at every parse and every task; the limit is 2 s; pandas takes 2.9 s of it, at "
    assert found == [f"warning slow a.py:0 {told}helpers/big.py:2"]
    (own,) = judge([file("a.py", seconds=3.5, imports=(outer, other))], Gate())
    assert own.line == 4
    (none,) = judge([file("a.py", seconds=3.5)], Gate())
    assert none.text.endswith("; the limit is 2 s")


def test_an_error_is_where_it_happened() -> None:
    found = said(judge([file("a.py", error="ImportError: x", rule="import", at="helpers/b.py", line=7)], Gate()))
    assert found == ["error import helpers/b.py:7 imported by a.py: ImportError: x"]


def test_what_makes_a_version_of_each_parse_is_a_warning() -> None:
    assert said(judge([file("a.py", varying=((3, "now()"),))], Gate())) == ["warning varying a.py:3 now()"]


def test_a_queue_that_nothing_serves() -> None:
    tasks = task("load", queue="bgi"), task("store", queue="bgi"), task("x", queue="gpu"), task("none", queue="")
    files = [file("a.py", dag("a", *tasks, task("y"))), file("b.py", dag("b", task(queue="big")))]
    both = "tasks load, store of a wait forever"
    there = "available: big, default; see `workers` in tradewind.yaml"
    assert said(judge(files, Gate(), {"big", "default"})) == [
        f"error queue a.py:0 no worker pool serves the queue bgi (did you mean big?); {both}; {there}",
        f"error queue a.py:0 no worker pool serves the queue gpu; task x of a waits forever; {there}",
    ]
    assert judge(files, Gate()) == (), "without an environment there is nothing to compare with"


class There:
    """An environment with these facts."""

    def __init__(self, **unfinished: set[str]) -> None:
        self._unfinished = {dag: frozenset(tasks) for dag, tasks in unfinished.items()}

    def has(self, connections: frozenset[str], variables: frozenset[str]) -> EnvironmentFacts:
        return EnvironmentFacts(
            connections=connections & {"warehouse"},
            variables=variables & {"region"},
            pools=frozenset({"default_pool"}),
            unfinished=self._unfinished,
        )


class Away:
    """An environment that does not respond."""

    def has(self, connections: frozenset[str], variables: frozenset[str]) -> EnvironmentFacts:
        raise TradewindError("the controller of dev does not answer")


def test_an_environment_that_does_not_answer_keeps_nothing_back() -> None:
    found = compare([file("a.py", dag("a", task("x", connections=("lake",))))], {}, Away(), Gate())
    assert said(found) == [
        "warning environment :0 the environment was not checked: the controller of dev does not answer"
    ]


def test_what_an_environment_does_not_have() -> None:
    tasks = task("x", connections=("warehouse", "lake", "lakehouse", "aws_default")), task("y", pool="small")
    files = [file("a.py", dag("a", *tasks)), file("b.py", dag("b", task()))]
    text = """
    Variable.get("region"), Variable.get("zone"), Variable.get("optional", default=1), Variable.get(name)
    BaseHook.get_connection("mainframe")
    "{{ var.value.country ~ var.json.get('deep') }} {{ var.value.get('soft', 'x') }} {{ conn.printer.host }}"
    "var.value.not_a_template"
    # Variable.get("in_a_comment")
    Variable.get("country_code"), Variable.get(key="by_name")
    """
    code = "\n".join(line.strip() for line in text.splitlines())
    gate = Gate(variables={"AIRFLOW_VAR_COUNTRY_CODE": "de", "AIRFLOW_CONN_LAKEHOUSE": "x"})
    assert said(compare(files, {"a.py": (code, "def (", "")}, There(), gate)) == [
        "warning connection a.py:0 there is no connection aws_default",
        "error connection a.py:0 there is no connection lake",
        "error connection a.py:0 there is no connection mainframe",
        "error connection a.py:0 there is no connection printer",
        "error variable a.py:0 there is no variable by_name",
        "error variable a.py:0 there is no variable country",
        "error variable a.py:0 there is no variable deep",
        "error variable a.py:0 there is no variable zone",
        "error pool a.py:0 there is no pool small; task y of a waits forever; available: default_pool",
    ]


@pytest.mark.parametrize("refuse", [False, True])
def test_what_is_gone_while_runs_are_unfinished(refuse: bool) -> None:
    files = [file("a.py", dag("a", task("x"))), file("b.py", dag("b", task("x")))]
    there = There(a={"x", "old", "older"}, b={"x"}, gone=set())
    found = compare(files, {}, there, Gate(refuse_removed=refuse))
    end = "unfinished runs stay on their release"
    assert [(f.error, f.file, f.dag, f.text) for f in found] == [
        (refuse, "a.py", "a", f"tasks old, older of a were removed; {end}"),
        (refuse, "", "gone", f"the DAG gone was removed; {end}"),
    ]
