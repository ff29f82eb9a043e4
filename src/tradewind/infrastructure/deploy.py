"""Changes a stack: identify the caller, render, plan, save the plan, apply exactly that plan, and write the ledger."""

from __future__ import annotations

import getpass
import socket
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tradewind.aws.accounts import Accounts
from tradewind.aws.cloud import Caller, Cloud, Lock
from tradewind.errors import ExitCode, HeldError, TradewindError
from tradewind.infrastructure import saved_plan
from tradewind.infrastructure.plan_summary import Summary, drifted, summarise
from tradewind.infrastructure.stack import Stack
from tradewind.infrastructure.terraform import Listener, Terraform
from tradewind.infrastructure.workspace import Workspace, fingerprint

TerraformFactory = Callable[[Path, Path], Terraform]
Clock = Callable[[], datetime]


@dataclass(frozen=True)
class Planned:
    """A saved plan: its summary, the plan in Terraform's JSON, and its hash."""

    stack: Stack
    summary: Summary
    plan: Mapping[str, Any]
    sha256: str


@dataclass(frozen=True)
class _Ready:
    """A stack on which Terraform may run: all checks have passed."""

    workspace: Workspace
    folder: Path
    terraform: Terraform
    caller: Caller
    cloud: Cloud
    assumed: str | None  # the role that was assumed to reach the stack's account
    first: bool  # a bootstrap without a state bucket yet


@dataclass(frozen=True)
class Deployer:
    """Plans and applies stacks.

    Args:
        home: the state directory ``.tradewind`` beside the configuration.
        accounts: the accounts that the caller can reach.
        terraform: makes the Terraform program for a data folder and a cache folder.
        clock: the time, in UTC.
    """

    state_dir: Path
    accounts: Accounts
    terraform: TerraformFactory
    clock: Clock = lambda: datetime.now(UTC)

    def plan(self, stack: Stack, listen: Listener, arguments: Sequence[str] = ()) -> Planned:
        """Plan a stack and save the plan for ``apply``. ``arguments`` go to ``terraform plan`` (``-destroy``)."""
        with self._ready(stack) as ready:
            workspace = ready.workspace
            for stale in (workspace.plan, workspace.record):
                stale.unlink(missing_ok=True)
            ready.terraform.plan(ready.folder, workspace.plan, arguments, listen)
            workspace.plan.chmod(0o600)
            plan = ready.terraform.show(ready.folder, workspace.plan)
            planned = Planned(stack, summarise(plan), plan, saved_plan.sha256(workspace.plan))
            record = {
                **saved_plan.identity(stack),
                "made_at": self._now(),
                "made_by": ready.caller.arn,
                "role": ready.assumed,
                "sources": fingerprint(stack),
                "plan_sha256": planned.sha256,
                "losses": [change.address for change in planned.summary.losses],
                "counts": planned.summary.as_dict()["counts"],
                "destroy": "-destroy" in arguments,
                "audit": None,
            }
            workspace.write_record(record)
        return planned

    def waiting(self, stack: Stack) -> Planned:
        """The plan that ``plan`` kept, as Terraform shows it. Plans nothing, and sends no request to AWS."""
        workspace = Workspace.of(self.state_dir, stack)
        sha256 = saved_plan.record_of(workspace, stack, destroy=False)["plan_sha256"]
        with workspace.locked():
            saved_plan.record_of(workspace, stack, destroy=False, only=sha256)
            plan = self._terraform(workspace).show(workspace.stack_folder(stack), workspace.plan)
        return Planned(stack, summarise(plan), plan, sha256)

    def audited(self, planned: Planned, passed: bool) -> None:
        """Record the audit result of a saved plan. TradewindError if another plan is saved by now."""
        workspace = Workspace.of(self.state_dir, planned.stack)
        with workspace.locked():
            record = saved_plan.record_of(workspace, planned.stack, destroy=False, only=planned.sha256)
            found = {"plan_sha256": planned.sha256, "passed": passed, "at": self._now(), "from": _here()}
            workspace.write_record({**record, "audit": found})

    def require_plan(self, stack: Stack, *, destroy: bool = False, only: str | None = None) -> None:
        """TradewindError if there is no saved plan that ``apply`` would accept. AWS is not asked."""
        saved_plan.record_of(Workspace.of(self.state_dir, stack), stack, destroy, only)

    def apply(
        self,
        stack: Stack,
        allowed: Sequence[str],
        listen: Listener,
        *,
        destroy: bool = False,
        only: str | None = None,
        audited: bool = False,
    ) -> str:
        """Apply exactly the saved plan; return its hash.

        Args:
            stack: the stack of the plan.
            allowed: addresses of resources whose data may be lost.
            listen: receives Terraform's messages.
            destroy: whether the plan must be one that destroys the stack, or must not be.
            only: the hash that the plan must have; None: any.
            audited: refuse a plan that has not passed ``tradewind audit``.
        """
        record = saved_plan.record_of(Workspace.of(self.state_dir, stack), stack, destroy, only)
        verb = stack.command("destroy --yes" if destroy else "apply")
        if audited:
            saved_plan.must_have_passed(stack, record)
        missing = [address for address in record["losses"] if address not in allowed]
        if missing:
            flags = " ".join(f"--allow-data-loss '{address}'" for address in missing)
            raise TradewindError(
                "the plan loses data, so nothing was done",
                ", ".join(missing),
                f"to accept the loss: {verb} {flags}",
                code=ExitCode.USAGE,
            )
        with self._ready(stack, fresh=False) as ready:
            saved_plan.record_of(ready.workspace, stack, destroy, record["plan_sha256"])
            saved_plan.must_be_reached_alike(stack, record, ready.assumed, ready.caller.arn)
            self._carry_out(stack, ready, record, listen)
        return str(record["plan_sha256"])

    def _carry_out(self, stack: Stack, ready: _Ready, record: Mapping[str, Any], listen: Listener) -> None:
        """Apply a plan that has passed all checks, and write the ledger."""
        entry = {
            "id": uuid.uuid4().hex,
            "action": "destroy" if record["destroy"] else "apply",
            "stack": stack.kind,
            "name": stack.name,
            "by": ready.caller.arn,
            "from": _here(),
            "plan": {key: record[key] for key in ("made_at", "made_by", "plan_sha256", "counts", "losses", "audit")},
        }
        if not ready.first:
            self._write(stack, ready.cloud, entry, "started")
        try:
            ready.terraform.apply(ready.folder, ready.workspace.plan, listen)
        except BaseException as error:
            outcome = "interrupted" if isinstance(error, KeyboardInterrupt) else "failed"
            if not ready.first:
                self._write(stack, ready.cloud, {**entry, "why": str(error)}, outcome)
            if isinstance(error, TradewindError) and not error.hint:
                error.hint = f"{saved_plan.again(stack, record['destroy'])}: this plan cannot be applied again"
            raise
        finally:
            # Terraform refuses a plan that was tried once, so a kept one would mislead.
            ready.workspace.record.unlink(missing_ok=True)
            ready.workspace.plan.unlink(missing_ok=True)
        if ready.first:
            self._move_state(stack, ready)
        self._write(stack, ready.cloud, entry, "finished")

    def drift(self, stack: Stack, listen: Listener) -> tuple[str, ...]:
        """Resources that differ from Terraform's state. Changes nothing, and leaves a saved plan as it is.

        TradewindError if the stack was never applied.
        """
        with self._ready(stack) as ready:
            out = ready.workspace.folder / "drift.bin"
            try:
                ready.terraform.plan(ready.folder, out, ["-refresh-only"], listen)
                return drifted(ready.terraform.show(ready.folder, out))
            except TradewindError:
                # Terraform reports errors in the outputs of an empty state, and does not say that it is empty.
                if ready.terraform.output(ready.folder):
                    raise
                why = "it was never applied, so there is nothing to compare it with"
                raise TradewindError(f"{stack.title} does not exist yet", why, stack.command("plan")) from None
            finally:
                out.unlink(missing_ok=True)

    def unlock(self, stacks: Sequence[Stack], lock_id: str) -> Lock:
        """Remove the lock of a dead process from the stack that has it.

        TradewindError if none of the stacks has that lock.
        """
        others = []
        for stack in stacks:
            cloud = self.accounts.enter(stack.account, stack.title).cloud
            lock = cloud.lock(stack.account.state_bucket, stack.key)
            if lock is not None and lock.id == lock_id:
                cloud.unlock(stack.account.state_bucket, stack.key)
                return lock
            if lock is not None:
                others.append(f"{lock.id} on {stack.title}, held by {lock.who} since {lock.since} ({lock.operation})")
        raise TradewindError(f"there is no lock {lock_id}", "; ".join(others), code=ExitCode.USAGE)

    @contextmanager
    def _ready(self, stack: Stack, *, fresh: bool = True) -> Iterator[_Ready]:
        """Do all checks before Terraform runs. ``fresh``: render the files and initialize Terraform again.

        No other command of this folder works on the stack for the duration of the block.
        """
        entered = self.accounts.enter(stack.account, stack.title)
        cloud, assumed = entered.cloud, entered.role_arn
        workspace = Workspace.of(self.state_dir, stack)
        # The state is a local file until the bootstrap that makes the bucket has succeeded, also over several tries.
        ready = cloud.bucket_exists(stack.account.state_bucket)
        first = stack.kind == "bootstrap" and (workspace.first_state.exists() or not ready)
        if not ready and not first:
            raise TradewindError(
                f"the account {stack.account.name} is not ready",
                f"there is no state bucket {stack.account.state_bucket}",
                f"tradewind bootstrap {stack.account.name}",
            )
        lock = None if first else cloud.lock(stack.account.state_bucket, stack.key)
        if lock is not None:
            raise HeldError(
                f"another process is changing {stack.title}",
                f"{lock.who} has held the lock since {lock.since} ({lock.operation})",
                f"wait; if that process is dead: tradewind tf unlock {lock.id} {stack.option}",
            )
        # The variables and the backend settings name the assumed role: Terraform renews its credentials itself.
        terraform = self._terraform(workspace)
        folder = workspace.stack_folder(stack)
        with workspace.locked():
            if fresh:
                workspace.render(stack, assumed, first=first)
                terraform.init(folder, None if first else workspace.backend)
            yield _Ready(workspace, folder, terraform, self.accounts.caller, cloud, assumed, first)

    def _terraform(self, workspace: Workspace) -> Terraform:
        return self.terraform(workspace.data, self.state_dir / "infrastructure" / "providers")

    def _move_state(self, stack: Stack, ready: _Ready) -> None:
        """Move the state of a first bootstrap into the bucket that it has made."""
        ready.workspace.settle(stack)
        ready.terraform.init(ready.folder, ready.workspace.backend, move=True)
        for left in ready.workspace.folder.glob("first.tfstate*"):
            left.unlink()

    def _write(self, stack: Stack, cloud: Cloud, entry: Mapping[str, Any], event: str) -> None:
        key = f"ledger/{stack.kind}/{stack.name}/{self._now()}-{entry['id']}-{event}.json"
        cloud.write(stack.account.state_bucket, key, {**entry, "event": event, "at": self._now()})

    def _now(self) -> str:
        return self.clock().strftime("%Y-%m-%dT%H:%M:%SZ")


def _here() -> str:
    return f"{getpass.getuser()}@{socket.gethostname()}"
