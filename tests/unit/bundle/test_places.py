"""DAGs that a later release has in another file."""

from __future__ import annotations

from pathlib import Path

import pytest

from tradewind.dag_releases.manifest import DagRelease


@pytest.fixture(autouse=True)
def _no_configuration(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Airflow reads its configuration when it is imported."""
    monkeypatch.setenv("AIRFLOW_HOME", str(tmp_path))


def test_a_dag_is_where_its_release_has_it() -> None:
    from tradewind.runtime.bundle.dag_places import place

    release = DagRelease({}, dags={"a.py": ("a", "b"), "c.py": ("c",)})
    assert place(release, "a", "a.py") == "a.py"
    assert place(release, "a", "moved/a.py") == "a.py"
    assert place(release, "c", "a.py") == "c.py"
    # Code generates the id, so the file does not show it.
    assert place(release, "dynamic", "x.py") == "x.py"


def test_what_cannot_be_known_stays_as_it_is() -> None:
    from tradewind.runtime.bundle.dag_places import place_in

    assert place_in("nothing", "d-0000000000000000", "a", "a.py") == "a.py"
    assert place_in("nothing", None, "a", "a.py") == "a.py"
