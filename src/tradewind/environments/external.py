"""The external dependencies of commands: AWS, Terraform, git and the clock. Tests replace them."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tradewind.aws.cloud import Cloud
from tradewind.dags.source import commit_of
from tradewind.infrastructure.deploy import TerraformFactory
from tradewind.infrastructure.terraform import TerraformProgram


def _aws(region: str) -> Cloud:
    # boto3 takes as long to import as all other modules together, and commands for one machine do not need it.
    from tradewind.aws.boto import Aws

    return Aws(region)


@dataclass(frozen=True)
class ExternalDependencies:
    """The external dependencies of a command.

    Args:
        cloud: makes the AWS client for a region, with the caller's credentials.
        terraform: makes the Terraform program for a data folder and a cache folder.
        clock: returns Unix time.
        sleep: waits for a number of seconds.
        commit_of: returns the commit of a file (``dags.source.commit_of``).
    """

    cloud: Callable[[str], Cloud] = _aws
    terraform: TerraformFactory = TerraformProgram
    clock: Callable[[], float] = time.time
    sleep: Callable[[float], None] = time.sleep
    commit_of: Callable[[Path], str] = commit_of
