"""What commands meet outside of their process: AWS, Terraform, git and the clock. A test gives its own."""

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
    # boto3 takes as long to import as everything else together; commands of one machine do without it.
    from tradewind.aws.boto import Aws

    return Aws(region)


@dataclass(frozen=True)
class Outside:
    """What a command uses.

    Args:
        cloud: makes AWS, as the caller sees it, for a region.
        terraform: makes the program for a data folder and a cache folder.
        clock: Unix time.
        sleep: waits for so many seconds.
        commit_of: says of which commit a file is (``dags.source.commit_of``).
    """

    cloud: Callable[[str], Cloud] = _aws
    terraform: TerraformFactory = TerraformProgram
    clock: Callable[[], float] = time.time
    sleep: Callable[[float], None] = time.sleep
    commit_of: Callable[[Path], str] = commit_of
