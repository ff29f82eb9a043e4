from __future__ import annotations

import json
import shutil
import stat
from pathlib import Path

import pytest
from infrastructure_samples import FakeCloud, FakeTerraform, change, deployer, ignore, plan

from samples import LARGE, SMALL
from tradewind.aws.cloud import Caller
from tradewind.errors import TradewindError
from tradewind.infrastructure.stack import Stack, account_stacks, bootstrap_stack, environment_stack
from tradewind.infrastructure.workspace import Workspace

DEV = environment_stack(SMALL, "dev")
PROD = environment_stack(LARGE, "prod")
CREATE = plan(change("aws_vpc.this", "create"))
LOSS = plan(change("module.database.aws_db_instance.this", "delete", "create"))


class NoCloud(FakeCloud):
    """An AWS that must not be called."""

    def __init__(self) -> None:
        super().__init__("none")

    def caller(self) -> Caller:
        raise AssertionError("AWS was called for the identity")


def ready(stack: Stack) -> FakeCloud:
    return FakeCloud(stack.account.id, {stack.account.state_bucket: {}})


def test_plan_then_apply(tmp_path: Path) -> None:
    cloud, terraform = ready(DEV), FakeTerraform([CREATE])
    planned = deployer(tmp_path, cloud, terraform).plan(DEV, ignore)
    assert [found.address for found in planned.summary.changes] == ["aws_vpc.this"]
    deployer(tmp_path, cloud, terraform).apply(DEV, (), ignore)
    assert terraform.calls == [("init", "backend.tfbackend.json", False), ("plan",), ("apply", CREATE)]
    assert [entry["event"] for entry in cloud.ledger(DEV.account.state_bucket)] == ["finished", "started"]
    assert {entry["by"] for entry in cloud.ledger(DEV.account.state_bucket)} == {"arn:aws:iam::111111111111:user/ada"}


def test_what_is_written_is_for_nobody_else(tmp_path: Path) -> None:
    deployer(tmp_path, ready(DEV), FakeTerraform([CREATE])).plan(DEV, ignore)
    workspace = Workspace.of(tmp_path, DEV)
    assert stat.S_IMODE(workspace.folder.stat().st_mode) == 0o700
    assert stat.S_IMODE(workspace.plan.stat().st_mode) == 0o600


def test_the_variables_and_the_backend_are_rendered(tmp_path: Path) -> None:
    deployer(tmp_path, ready(DEV), FakeTerraform([CREATE])).plan(DEV, ignore)
    workspace = Workspace.of(tmp_path, DEV)
    rendered = json.loads((workspace.stack_folder(DEV) / "terraform.tfvars.json").read_text())
    assert rendered == json.loads(json.dumps(DEV.variables))
    backend = json.loads(workspace.backend.read_text())
    assert backend["bucket"] == "acme-tf-state-111111111111-eu-west-1"
    assert backend["key"] == "environments/dev.tfstate"
    assert "assume_role" not in backend
    assert (workspace.folder / "terraform/modules/network/main.tf").exists()


def test_an_applied_plan_cannot_be_applied_again(tmp_path: Path) -> None:
    cloud, terraform = ready(DEV), FakeTerraform([CREATE])
    deployer(tmp_path, cloud, terraform).plan(DEV, ignore)
    deployer(tmp_path, cloud, terraform).apply(DEV, (), ignore)
    with pytest.raises(TradewindError, match="there is no plan for dev") as caught:
        deployer(tmp_path, cloud, terraform).apply(DEV, (), ignore)
    assert caught.value.hint == "tradewind plan -e dev"


def test_what_is_audited_is_what_was_kept_and_what_is_applied(tmp_path: Path) -> None:
    cloud, terraform = ready(DEV), FakeTerraform([CREATE, LOSS])
    subject = deployer(tmp_path, cloud, terraform)
    planned = subject.plan(DEV, ignore)
    waiting = deployer(tmp_path, NoCloud(), terraform).waiting(DEV)
    assert (waiting.plan, waiting.sha256) == (CREATE, planned.sha256)
    assert [call[0] for call in terraform.calls] == ["init", "plan"]
    subject.audited(waiting, passed=True)
    assert subject.apply(DEV, (), ignore, only=planned.sha256, audited=True) == planned.sha256
    found = {"at": "2026-11-22T06:00:00Z", "passed": True, "plan_sha256": planned.sha256}
    for entry in cloud.ledger(DEV.account.state_bucket):
        assert entry["plan"]["plan_sha256"] == planned.sha256
        assert entry["plan"]["audit"].items() >= found.items()


def test_a_plan_that_was_not_audited_or_did_not_pass_is_refused_where_that_is_asked_for(tmp_path: Path) -> None:
    terraform = FakeTerraform([CREATE])
    subject = deployer(tmp_path, ready(DEV), terraform)
    planned = subject.plan(DEV, ignore)
    with pytest.raises(TradewindError, match="was not audited") as caught:
        subject.apply(DEV, (), ignore, only=planned.sha256, audited=True)
    assert caught.value.hint == "tradewind audit -e dev"
    subject.audited(planned, passed=False)
    with pytest.raises(TradewindError, match="did not pass the audit"):
        subject.apply(DEV, (), ignore, only=planned.sha256, audited=True)
    assert terraform.calls[-1] == ("plan",)


@pytest.mark.parametrize("hash_", ["", "0" * 64])
def test_a_plan_of_another_hash_is_refused(tmp_path: Path, hash_: str) -> None:
    terraform = FakeTerraform([CREATE])
    subject = deployer(tmp_path, ready(DEV), terraform)
    planned = subject.plan(DEV, ignore)
    with pytest.raises(TradewindError, match=f"{planned.sha256} is saved") as caught:
        subject.apply(DEV, (), ignore, only=hash_, audited=True)
    assert caught.value.code == 2
    assert terraform.calls[-1] == ("plan",)


def test_an_audit_is_of_its_plan_only(tmp_path: Path) -> None:
    """A plan that was made during the audit of another plan has not passed."""
    terraform = FakeTerraform([CREATE])
    subject = deployer(tmp_path, ready(DEV), terraform)
    first = subject.plan(DEV, ignore)
    terraform.plans[:] = [LOSS]
    second = subject.plan(DEV, ignore)
    with pytest.raises(TradewindError, match=f"expected {first.sha256}, but {second.sha256} is saved"):
        subject.audited(first, passed=True)
    with pytest.raises(TradewindError, match="was not audited"):
        subject.apply(DEV, (), ignore, only=second.sha256, audited=True)


def test_drift_leaves_the_plan(tmp_path: Path) -> None:
    subject = deployer(tmp_path, ready(DEV), FakeTerraform([CREATE]))
    planned = subject.plan(DEV, ignore)
    subject.drift(DEV, ignore)
    assert subject.waiting(DEV).sha256 == planned.sha256


def test_a_plan_of_something_else_is_refused(tmp_path: Path) -> None:
    """Copied files of another environment's plan are refused."""
    terraform = FakeTerraform([CREATE])
    deployer(tmp_path, ready(PROD), terraform).plan(PROD, ignore)
    target = Workspace.of(tmp_path, DEV)
    target.folder.mkdir()
    for name in ("plan.bin", "plan.json"):
        shutil.copy(Workspace.of(tmp_path, PROD).folder / name, target.folder)
    with pytest.raises(TradewindError, match="the plan saved for dev is of another account_id, bucket, name"):
        deployer(tmp_path, ready(DEV), terraform).apply(DEV, (), ignore)


def test_a_plan_without_the_files_that_it_was_made_from_is_refused(tmp_path: Path) -> None:
    subject = deployer(tmp_path, ready(DEV), FakeTerraform([CREATE]))
    subject.plan(DEV, ignore)
    shutil.rmtree(Workspace.of(tmp_path, DEV).folder / "terraform")
    with pytest.raises(TradewindError, match="was made elsewhere"):
        subject.waiting(DEV)


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"plan_sha256": 7}'])
def test_a_record_that_is_none_is_no_plan(tmp_path: Path, text: str) -> None:
    subject = deployer(tmp_path, ready(DEV), FakeTerraform([CREATE]))
    subject.plan(DEV, ignore)
    Workspace.of(tmp_path, DEV).record.write_text(text)
    with pytest.raises(TradewindError, match=r"the plan for dev was changed|there is no plan for dev"):
        subject.apply(DEV, (), ignore)


def test_a_record_of_an_older_version_is_out_of_date(tmp_path: Path) -> None:
    subject = deployer(tmp_path, ready(DEV), FakeTerraform([CREATE]))
    subject.plan(DEV, ignore)
    record = Workspace.of(tmp_path, DEV).record
    kept = json.loads(record.read_text())
    del kept["audit"], kept["role"]
    record.write_text(json.dumps(kept))
    with pytest.raises(TradewindError, match="is out of date"):
        subject.apply(DEV, (), ignore)


def test_without_a_plan_nothing_is_applied(tmp_path: Path) -> None:
    terraform = FakeTerraform([CREATE])
    with pytest.raises(TradewindError, match="there is no plan for dev"):
        deployer(tmp_path, ready(DEV), terraform).apply(DEV, (), ignore)
    assert terraform.calls == []


def test_a_plan_that_was_changed_is_refused(tmp_path: Path) -> None:
    cloud, terraform = ready(DEV), FakeTerraform([CREATE])
    deployer(tmp_path, cloud, terraform).plan(DEV, ignore)
    Workspace.of(tmp_path, DEV).plan.write_text(json.dumps(LOSS))
    with pytest.raises(TradewindError, match="was changed"):
        deployer(tmp_path, cloud, terraform).apply(DEV, (), ignore)


def test_a_plan_of_another_configuration_is_refused(tmp_path: Path) -> None:
    cloud, terraform = ready(DEV), FakeTerraform([CREATE])
    deployer(tmp_path, cloud, terraform).plan(DEV, ignore)
    other = environment_stack(SMALL.model_copy(update={"tags": {"team": "data"}}), "dev")
    with pytest.raises(TradewindError, match="is out of date"):
        deployer(tmp_path, cloud, terraform).apply(other, (), ignore)


def test_lost_data_must_be_named(tmp_path: Path) -> None:
    cloud, terraform = ready(DEV), FakeTerraform([LOSS])
    deployer(tmp_path, cloud, terraform).plan(DEV, ignore)
    with pytest.raises(TradewindError, match="loses data") as caught:
        deployer(tmp_path, cloud, terraform).apply(DEV, ("module.other.aws_db_instance.this",), ignore)
    assert "--allow-data-loss 'module.database.aws_db_instance.this'" in caught.value.hint
    assert caught.value.code == 2
    # The plan is still kept: the next command can allow the data loss.
    deployer(tmp_path, cloud, terraform).apply(DEV, ("module.database.aws_db_instance.this",), ignore)
    assert terraform.calls[-1] == ("apply", LOSS)


def test_a_plan_to_destroy_is_not_a_plan_to_apply(tmp_path: Path) -> None:
    cloud, terraform = ready(DEV), FakeTerraform([CREATE])
    deployer(tmp_path, cloud, terraform).plan(DEV, ignore, ["-destroy"])
    with pytest.raises(TradewindError, match="the plan for dev destroys it"):
        deployer(tmp_path, cloud, terraform).apply(DEV, (), ignore)
    deployer(tmp_path, cloud, terraform).plan(DEV, ignore)
    with pytest.raises(TradewindError, match="does not destroy it"):
        deployer(tmp_path, cloud, terraform).apply(DEV, (), ignore, destroy=True)


def test_the_wrong_account_is_refused_before_anything_runs(tmp_path: Path) -> None:
    terraform = FakeTerraform([CREATE])
    with pytest.raises(TradewindError, match="prod is in the account production") as caught:
        deployer(tmp_path, FakeCloud("111111111111", {PROD.account.state_bucket: {}}), terraform).plan(PROD, ignore)
    assert "arn:aws:iam::111111111111:user/ada" in str(caught.value)
    assert terraform.calls == []
    assert not (tmp_path / "infrastructure").exists()


def test_a_role_in_the_other_account_is_taken(tmp_path: Path) -> None:
    role = "arn:aws:iam::222222222222:role/acme-deploy"
    cloud = FakeCloud("111111111111", {PROD.account.state_bucket: {}}, {role})
    deployer(tmp_path, cloud, FakeTerraform([CREATE])).plan(PROD, ignore)
    workspace = Workspace.of(tmp_path, PROD)
    variables = json.loads((workspace.stack_folder(PROD) / "terraform.tfvars.json").read_text())
    assert variables["assume_role_arn"] == role
    assert json.loads(workspace.backend.read_text())["assume_role"]["role_arn"] == role
    # A plan that was made with the role cannot be applied without it.
    inside = FakeCloud(PROD.account.id, cloud.buckets)
    with pytest.raises(TradewindError, match="made with other credentials") as caught:
        deployer(tmp_path, inside, FakeTerraform([CREATE])).apply(PROD, (), ignore)
    assert caught.value.why.endswith("; you are arn:aws:iam::222222222222:user/ada without another role")
    deployer(tmp_path, cloud, FakeTerraform([CREATE])).apply(PROD, (), ignore)


def test_without_a_state_bucket_there_is_bootstrap(tmp_path: Path) -> None:
    with pytest.raises(TradewindError, match="the account non-production is not ready") as caught:
        deployer(tmp_path, FakeCloud(DEV.account.id), FakeTerraform([CREATE])).plan(DEV, ignore)
    assert caught.value.hint == "tradewind bootstrap non-production"


def lock(cloud: FakeCloud) -> None:
    held = {"id": "7", "who": "eve@ci", "since": "2026-11-22T05:00:00Z", "operation": "OperationTypeApply"}
    cloud.buckets[DEV.account.state_bucket][f"{DEV.key}.tflock"] = json.dumps(held)


def test_a_held_lock_is_told_and_can_be_taken_away(tmp_path: Path) -> None:
    cloud = ready(DEV)
    lock(cloud)
    subject = deployer(tmp_path, cloud, FakeTerraform([CREATE]))
    with pytest.raises(TradewindError, match="eve@ci has held the lock since 2026-11-22T05:00:00Z") as caught:
        subject.plan(DEV, ignore)
    assert caught.value.hint.endswith("tradewind tf unlock 7 -e dev")
    with pytest.raises(TradewindError, match="there is no lock 8: 7 on dev, held by eve@ci"):
        subject.unlock([DEV], "8")
    assert subject.unlock([bootstrap_stack(SMALL, "non-production"), DEV], "7").who == "eve@ci"
    with pytest.raises(TradewindError, match=r"there is no lock 7$"):
        subject.unlock([DEV], "7")
    subject.plan(DEV, ignore)


@pytest.mark.parametrize(("error", "event"), [(TradewindError("no"), "failed"), (KeyboardInterrupt(), "interrupted")])
def test_an_apply_that_fails_is_in_the_ledger(tmp_path: Path, error: BaseException, event: str) -> None:
    cloud, terraform = ready(DEV), FakeTerraform([CREATE], fails=error)  # type: ignore[arg-type]
    deployer(tmp_path, cloud, terraform).plan(DEV, ignore)
    with pytest.raises(type(error)) as caught:
        deployer(tmp_path, cloud, terraform).apply(DEV, (), ignore)
    if isinstance(caught.value, TradewindError):
        assert caught.value.hint == "tradewind plan -e dev: this plan cannot be applied again"
    assert {entry["event"] for entry in cloud.ledger(DEV.account.state_bucket)} == {"started", event}


def test_the_first_bootstrap_moves_its_state_into_its_bucket(tmp_path: Path) -> None:
    stack = bootstrap_stack(SMALL, "non-production")
    cloud = FakeCloud(stack.account.id)
    terraform = FakeTerraform([CREATE], makes_bucket=(cloud, stack.account.state_bucket))
    subject = deployer(tmp_path, cloud, terraform)
    override = Workspace.of(tmp_path, stack).stack_folder(stack) / "backend_override.tf.json"
    subject.plan(stack, ignore)
    assert "first.tfstate" in override.read_text()
    subject.apply(stack, (), ignore)
    assert not override.exists()
    assert terraform.calls == [
        ("init", None, False),
        ("plan",),
        ("apply", CREATE),
        ("init", "backend.tfbackend.json", True),
    ]
    assert [entry["event"] for entry in cloud.ledger(stack.account.state_bucket)] == ["finished"]
    subject.plan(stack, ignore)
    assert terraform.calls[-2:] == [("init", "backend.tfbackend.json", False), ("plan",)]


def test_a_first_bootstrap_that_failed_goes_on_with_its_file(tmp_path: Path) -> None:
    stack = bootstrap_stack(SMALL, "non-production")
    workspace = Workspace.of(tmp_path, stack)
    workspace.folder.mkdir(parents=True)
    workspace.first_state.write_text("{}")
    # The bucket exists, but the state did not get into it.
    terraform = FakeTerraform([CREATE])
    deployer(tmp_path, ready(stack), terraform).plan(stack, ignore)
    assert terraform.calls[0] == ("init", None, False)


@pytest.mark.parametrize(
    ("stack", "hint"),
    [(DEV, "tradewind plan -e dev"), (bootstrap_stack(SMALL, "production"), "tradewind bootstrap production")],
)
def test_messages_name_a_command_that_the_stack_has(tmp_path: Path, stack: Stack, hint: str) -> None:
    with pytest.raises(TradewindError, match="there is no plan") as caught:
        deployer(tmp_path, ready(stack), FakeTerraform([CREATE])).apply(stack, (), ignore)
    assert caught.value.hint == hint


def test_what_has_no_data_can_be_destroyed(tmp_path: Path) -> None:
    rest = plan(change("aws_vpc.this", "delete"))
    cloud, terraform = ready(DEV), FakeTerraform([rest])
    deployer(tmp_path, cloud, terraform).plan(DEV, ignore, ["-destroy"])
    deployer(tmp_path, cloud, terraform).apply(DEV, (), ignore, destroy=True)
    assert terraform.calls[-1] == ("apply", rest)


def test_the_stacks_of_an_account() -> None:
    assert [stack.kind for stack in account_stacks(SMALL, "production")] == ["bootstrap", "account"]
    assert [stack.option for stack in account_stacks(SMALL, "production")] == ["--account production"] * 2
    assert environment_stack(SMALL, "dev").option == "-e dev"
