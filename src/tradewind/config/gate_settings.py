"""Settings of the gate: the checks that DAG files must pass to become a DAG release (``tradewind dags test``)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

from pydantic import Field

from tradewind.config.fields import Flag, Model, RelativePath, VariableName, Whole


class DagRules(Model):
    """Rules for every DAG."""

    owner: Flag = Field(default=False, description="Every task must set an owner.")
    retries: Annotated[Whole, Field(ge=0, le=1000)] = Field(
        default=0, description="The minimum number of retries of every task."
    )
    tags: Flag = Field(default=False, description="Every DAG must have a tag.")
    timeouts: Flag = Field(
        default=False,
        description="Every DAG must have a `dagrun_timeout`, or each of its tasks an `execution_timeout`.",
    )


class Gate(Model):
    """The checks that DAG files must pass before they are released."""

    import_timeout_s: Annotated[float, Field(ge=1, le=600)] = Field(
        default=30, description="How long, in seconds, the import of one file may take. Airflow itself allows 30 s."
    )
    slow_import_s: Annotated[float, Field(ge=0.1, le=600)] = Field(
        default=2,
        description="Warn about imports that take longer than this, in seconds. A warning does not block a release.",
    )
    memory_mb: Annotated[Whole, Field(ge=64, le=65_536)] = Field(
        default=1024, description="How much memory, in MB, the import of one file may use beyond Airflow's own."
    )
    processes: Annotated[Whole, Field(ge=1, le=4096)] = Field(
        default=64, description="How many processes and threads the import of one file may start."
    )
    fan_out: Annotated[Whole, Field(ge=1, le=1_000_000)] = Field(
        default=1000,
        description="The most task instances that a mapped task may expand to, if the file defines their number.",
    )
    rules: DagRules = Field(default=DagRules(), description="Rules for every DAG.")
    refuse_removed: Flag = Field(
        default=False,
        description="Refuse DAG files that lack a DAG or a task of an unfinished run. By default this is only a "
        "warning, because runs finish on the DAG release that they started with.",
    )
    variables: Mapping[VariableName, str] = Field(
        default={},
        description="Environment variables for the import, such as `AIRFLOW_VAR_…` for Airflow variables that a file "
        "reads when it is imported. The import gets no other variables from the caller's environment.",
    )
    tests: RelativePath | None = Field(
        default=None,
        description="The path of the repository's own pytest tests, relative to its root. If not set: `tests`, if it "
        "exists.",
    )
    tests_timeout_s: Annotated[Whole, Field(ge=1, le=86_400)] = Field(
        default=1800, description="How long, in seconds, these tests may take."
    )
