"""The controller on AWS: ``python -m tradewind.runtime.controller``."""

from __future__ import annotations

import json
import os
import sys

import boto3
import botocore.session
from botocore.config import Config

from tradewind.protocol.bucket import DAGS, RECORDS
from tradewind.runtime.controller import composition as parts
from tradewind.runtime.controller import metrics
from tradewind.runtime.controller.secrets_manager import SecretsManager
from tradewind.storage.s3_artifacts import S3Artifacts
from tradewind.storage.s3_records import S3Records
from tradewind.workers.ecs import EcsBackend

POLL_S = 1.0
"""One read per second costs one dollar per month."""


def runtime() -> parts.ControllerRuntime:
    """Read TRADEWIND_CONTROLLER_CONFIG, JSON with the names of the resources that the environment stack created."""
    places = json.loads(os.environ["TRADEWIND_CONTROLLER_CONFIG"])
    core = botocore.session.get_session()
    # The lease must not expire while one call waits for its response.
    core.set_default_client_config(Config(connect_timeout=5, read_timeout=10, retries={"max_attempts": 3}))
    session = boto3.Session(botocore_session=core, region_name=places["region"])
    services = {name: tuple(found) for name, found in places["workers"].items()}
    return parts.ControllerRuntime(
        environment=places["environment"],
        records=S3Records(session, places["bucket"], RECORDS),
        store=S3Artifacts(session, places["bucket"], DAGS),
        backend=EcsBackend(places["cluster"], services, session),
        tell=lambda values: _say(metrics.line(places["name"], values, metrics.now())),
        poll_s=POLL_S,
        stored=SecretsManager(places["name"], session).has,
    )


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(parts.run(runtime()))
