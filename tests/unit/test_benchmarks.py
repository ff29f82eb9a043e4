"""``python -m benchmarks``: the selection of benchmarks."""

from __future__ import annotations

import pytest

from samples import needs_airflow


@needs_airflow
def test_all_is_measured_where_nothing_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    from benchmarks.__main__ import MEASURED, options

    assert options([]).what == list(MEASURED)
    assert (options(["gate", "--rounds", "1"]).what, options(["gate", "--rounds", "1"]).rounds) == (["gate"], 1)
    with pytest.raises(SystemExit):
        options(["gates"])
    assert "unknown measurement: gates" in capsys.readouterr().err
