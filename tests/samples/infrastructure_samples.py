"""Fakes of the two things that `Deployer` talks to, and a recorded plan."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import boto3

from tradewind.aws.accounts import Accounts
from tradewind.aws.cloud import Caller, Lock
from tradewind.errors import TradewindError
from tradewind.infrastructure.deploy import Deployer
from tradewind.infrastructure.published import PREFIX, VERSION
from tradewind.infrastructure.terraform import Listener, Message

NOW = datetime(2026, 11, 22, 6, 0, tzinfo=UTC)


def change(address: str, *actions: str, **more: Any) -> dict[str, Any]:
    """One entry of a plan's ``resource_changes``."""
    name = address.split("[")[0].split(".")
    return {"address": address, "type": name[-2], "mode": "managed", "change": {"actions": list(actions), **more}}


def plan(*changes: dict[str, Any], **more: Any) -> dict[str, Any]:
    """A plan as ``terraform show -json`` prints it."""
    return {"resource_changes": list(changes), "output_changes": {}, **more}


@dataclass
class FakeCloud:
    """AWS with accounts, buckets and objects in memory."""

    account_id: str
    buckets: dict[str, dict[str, str]] = field(default_factory=dict)
    may_assume: set[str] = field(default_factory=set)
    arn: str = "arn:aws:iam::{}:user/ada"
    aws: Any = None
    """The result of ``session``; None: a session of boto3."""
    published: Callable[[], Mapping[str, Any]] = dict
    """The outputs that every environment has published. Empty: it was never applied."""

    def caller(self) -> Caller:
        return Caller(self.account_id, self.arn.format(self.account_id))

    def assume(self, role_arn: str) -> FakeCloud:
        if role_arn not in self.may_assume:
            raise TradewindError(f"could not assume the role {role_arn}", "AccessDenied")
        return FakeCloud(role_arn.split(":")[4], self.buckets, arn=role_arn)

    def session(self) -> Any:
        return self.aws or boto3.Session(region_name="eu-west-1")

    def bucket_exists(self, bucket: str) -> bool:
        return bucket in self.buckets

    def read(self, bucket: str, key: str) -> Mapping[str, Any] | None:
        if key.startswith(PREFIX):
            outputs = self.published()
            return {"version": VERSION, "outputs": outputs} if outputs else None
        found = self.buckets.get(bucket, {}).get(key)
        return json.loads(found) if found else None

    def lock(self, bucket: str, key: str) -> Lock | None:
        found = self.buckets.get(bucket, {}).get(f"{key}.tflock")
        return Lock(**json.loads(found)) if found else None

    def unlock(self, bucket: str, key: str) -> None:
        del self.buckets[bucket][f"{key}.tflock"]

    def registry_login(self) -> str:
        return base64.b64encode(f"AWS:{self.account_id}".encode()).decode()

    def write(self, bucket: str, key: str, entry: Mapping[str, Any]) -> None:
        if key in self.buckets[bucket]:
            raise TradewindError(f"could not write to the bucket {bucket}", "PreconditionFailed")
        self.buckets[bucket][key] = json.dumps(entry)

    def ledger(self, bucket: str) -> list[dict[str, Any]]:
        return [json.loads(body) for key, body in sorted(self.buckets[bucket].items()) if key.startswith("ledger/")]


@dataclass
class FakeTerraform:
    """A Terraform that records its calls, and returns the given plans."""

    plans: list[Mapping[str, Any]]
    calls: list[tuple[Any, ...]] = field(default_factory=list)
    fails: Exception | None = None
    makes_bucket: tuple[FakeCloud, str] | None = None
    outputs: Callable[[], Mapping[str, Any]] = lambda: {"cluster": "acme-dev"}

    def init(self, folder: Path, backend: Path | None, *, move: bool = False) -> None:
        self.calls.append(("init", backend.name if backend else None, move))

    def plan(self, folder: Path, out: Path, arguments: Sequence[str], listen: Listener) -> None:
        self.calls.append(("plan", *arguments))
        out.write_text(json.dumps(self.plans[0]))
        listen(Message("planned_change", "will be created"))

    def apply(self, folder: Path, plan: Path, listen: Listener) -> None:
        self.calls.append(("apply", json.loads(plan.read_text())))
        if self.fails:
            raise self.fails
        if self.makes_bucket:
            cloud, bucket = self.makes_bucket
            cloud.buckets[bucket] = {}

    def show(self, folder: Path, plan: Path) -> Mapping[str, Any]:
        shown: Mapping[str, Any] = json.loads(plan.read_text())
        return shown

    def output(self, folder: Path) -> Mapping[str, Any]:
        return self.outputs()


def deployer(home: Path, cloud: FakeCloud, terraform: FakeTerraform) -> Deployer:
    """A deployer on the fakes, with a fixed clock."""
    return Deployer(home, Accounts(cloud), lambda data, cache: terraform, lambda: NOW)


def ignore(message: Message) -> None:
    """A listener that ignores all messages."""
