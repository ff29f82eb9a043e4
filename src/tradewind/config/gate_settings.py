"""What DAG files must be like before they become a release (``tradewind dags test``)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

from pydantic import Field

from tradewind.config.fields import Flag, Model, RelativePath, VariableName, Whole


class DagRules(Model):
    """Rules for every DAG."""

    owner: Flag = Field(default=False, description="Every task has an owner of its own.")
    retries: Annotated[Whole, Field(ge=0, le=1000)] = Field(default=0, description="Every task has so many retries.")
    tags: Flag = Field(default=False, description="Every DAG has a tag.")
    timeouts: Flag = Field(
        default=False, description="Every DAG has a `dagrun_timeout`, or every task an `execution_timeout`."
    )


class Gate(Model):
    """The tests that DAG files must pass before they are released."""

    import_s: Annotated[float, Field(ge=1, le=600)] = Field(
        default=30, description="How long, in seconds, the import of one file may take. Airflow gives it 30 s."
    )
    slow_s: Annotated[float, Field(ge=0.1, le=600)] = Field(
        default=2, description="Imports that take longer, in seconds, are told; that keeps nothing back."
    )
    memory_mb: Annotated[Whole, Field(ge=64, le=65_536)] = Field(
        default=1024, description="How much memory, in MB, the import of one file may take beyond Airflow's own."
    )
    processes: Annotated[Whole, Field(ge=1, le=4096)] = Field(
        default=64, description="How many processes and threads the import of one file may start."
    )
    fan_out: Annotated[Whole, Field(ge=1, le=1_000_000)] = Field(
        default=1000, description="Into how many task instances a mapped task may expand, where the file says it."
    )
    rules: DagRules = Field(default=DagRules(), description="Rules for every DAG.")
    refuse_removed: Flag = Field(
        default=False,
        description="Refuse files without a DAG, or a task, of which a run is unfinished. Runs end on the release that "
        "they have, so this is only told by default.",
    )
    variables: Mapping[VariableName, str] = Field(
        default={},
        description="Environment variables for the import, such as `AIRFLOW_VAR_…` for variables that are read when a "
        "file is imported. Nothing else of the caller's environment is there.",
    )
    tests: RelativePath | None = Field(
        default=None,
        description="The repository's own tests for pytest, relative to its root. When not given: `tests`, where that "
        "is there.",
    )
    tests_s: Annotated[Whole, Field(ge=1, le=86_400)] = Field(
        default=1800, description="How long, in seconds, these tests may take."
    )
