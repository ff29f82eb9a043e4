"""The effect of another release on each file."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from releases_at_hand import described

from tradewind.runtime.bundle.changes import changes

BASE = {
    "a.py": "import helper",
    "b.py": "import other",
    "c.py": "import deep.helper",
    "deep/__init__.py": "",
    "deep/helper.py": "import far",
    "far.py": "X = 1",
    "helper.py": "import far",
    "other.py": "",
    "query.sql": "select 1",
}


@pytest.mark.parametrize(
    ("change", "first", "behind", "gone"),
    [
        ({}, set(), set(), set()),
        ({"b.py": "# new"}, {"b.py"}, set(), set()),
        ({"helper.py": "X = 2"}, {"helper.py", "a.py"}, set(), set()),
        ({"far.py": "X = 2"}, {"far.py", "helper.py", "a.py", "deep/helper.py", "c.py"}, set(), set()),
        ({"other.py": None}, {"b.py"}, set(), {"other.py"}),
        ({"new.py": ""}, {"new.py"}, set(), set()),
        ({"query.sql": "select 2"}, {"query.sql"}, "all others", set()),
        ({"query.sql": None}, set(), "all others", {"query.sql"}),
        ({"new.yaml": ""}, {"new.yaml"}, "all others", set()),
    ],
)
def test_what_comes_first(
    change: dict[str, str | None], first: set[str], behind: set[str] | str, gone: set[str]
) -> None:
    files = {path: content for path, content in {**BASE, **change}.items() if content is not None}
    found = changes(described(BASE), described(files))
    assert found.first == first
    assert found.gone == gone
    assert found.behind == (set(files) - first if behind == "all others" else behind)


def test_a_new_module_in_front_of_another_concerns_whoever_imports_it() -> None:
    old = {"a.py": "from helpers import x", "helpers/__init__.py": "x = 1", "b.py": ""}
    found = changes(described(old), described({**old, "helpers/x.py": ""}))
    assert found.first == {"a.py", "helpers/x.py"}
    assert found.same == {"b.py", "helpers/__init__.py"}


def test_who_imports_nobody_knows_what_comes_behind_with_its_importers() -> None:
    old = {
        "a.py": "import loader",
        "loader.py": "import importlib\nimportlib.import_module(name)",
        "b.py": "",
        "c.py": "",
    }
    found = changes(described(old), described({**old, "c.py": "# new"}))
    assert found.first == {"c.py"}
    assert found.behind == {"a.py", "loader.py"}
    assert found.same == {"b.py"}


NAMES = ["m0.py", "m1.py", "m2.py", "m3.py", "m4.py"]
MODULES = st.dictionaries(
    st.sampled_from(NAMES), st.tuples(st.lists(st.integers(0, 4), max_size=3), st.integers(0, 2)), max_size=5
)


@given(MODULES, MODULES)
def test_what_is_the_same_reaches_nothing_that_changed(
    one: dict[str, tuple[list[int], int]], two: dict[str, tuple[list[int], int]]
) -> None:
    def code(files: dict[str, tuple[list[int], int]]) -> dict[str, str]:
        return {path: "".join(f"import m{n}\n" for n in targets) + f"X = {x}" for path, (targets, x) in files.items()}

    old, new = code(one), code(two)
    found = changes(described(old), described(new))
    assert found.first | found.behind | found.same == set(new)
    assert not found.first & found.same
    for path in found.same:
        closure = _closure(path, new)
        assert closure == _closure(path, old)
        assert all(old.get(name) == new.get(name) for name in closure)


def _closure(path: str, files: dict[str, str]) -> set[str]:
    """Every module that ``path`` imports, whether it exists or not."""
    found, left = {path}, [path]
    while left:
        for line in files.get(left.pop(), "").splitlines():
            if line.startswith("import ") and (name := f"{line.split()[1]}.py") not in found:
                found.add(name)
                left.append(name)
    return found
