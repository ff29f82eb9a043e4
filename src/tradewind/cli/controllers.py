"""Which controller is meant by the name of an environment, and how it is reached."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from tradewind.bundle.shared import RELEASES
from tradewind.bundle.store import Store
from tradewind.cli import infrastructure, options
from tradewind.cli.options import LOCAL, configuration_file
from tradewind.controller import places
from tradewind.controller.inbox import Inbox
from tradewind.errors import TradewindError
from tradewind.infrastructure.stack import environment_stack
from tradewind.local import controller_places as here
from tradewind.local.paths import Home

KEPT = 5
"""A release that was just made is not made again."""


@dataclass(frozen=True)
class Access:
    """How a controller is reached: where it is asked, where it finds releases, and where these are made.

    ``kept``: of these, how many stay; None where the controller tidies up there itself.
    """

    inbox: Inbox
    store: Store
    builds: Path
    kept: int | None = None


def controller_of(environment: str, file: Path | None) -> Access:
    """The controller of an environment. TradewindError where there is none."""
    if environment == LOCAL:
        platform = options.platform(file)
        platform.ask(do="services")  # says so where it does not run
        home = platform.home
        inbox = Inbox(here.records(home), LOCAL, poll_s=here.POLL_S)
        return Access(inbox, here.store(home), home.dags / RELEASES)
    from tradewind.bundle.s3_store import S3Store
    from tradewind.records.s3 import S3Records

    tradewind, deployer = infrastructure.deployer(file)
    stack = environment_stack(tradewind, environment)
    bucket = infrastructure.outputs_of(deployer, stack).get("controller_bucket")
    if bucket is None:
        what = f"{environment} was made by an earlier version, which had no controller"
        raise TradewindError(what, hint=f"{stack.command('plan')}, then {stack.command('apply')}")
    session = deployer.cloud_of(stack).session()
    builds = Home.beside(configuration_file(file)).root / "dag-builds" / environment
    inbox = Inbox(S3Records(session, bucket, places.RECORDS), environment)
    return Access(inbox, S3Store(session, bucket, places.DAGS), builds, KEPT)
