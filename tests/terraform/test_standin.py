"""The stand-in behaves as the provider does, as far as that is known."""

from __future__ import annotations

import json
import shutil
import string
import time
import zipfile
from pathlib import Path
from typing import Any

import pytest
import yaml
from harness import HERE, Terraform, TerraformError, changes, project_types, used_types
from standin import assemble, ephemeral, extract, facts, rules, wheel
from standin.protocol import message
from standin.provider import Provider, Schema
from standin.values import encode

BASIC = HERE / "fixtures" / "basic"


@pytest.fixture(scope="module")
def blocks() -> dict[str, Any]:
    found: dict[str, Any] = json.loads((assemble.assemble(project_types()) / "schema.json").read_text())
    return found


@pytest.fixture
def edited(tmp_path: Path) -> Any:
    """Makes a Terraform of the fixture with some text replaced."""

    def edit(**replacements: str) -> Terraform:
        source = tmp_path / "source"
        shutil.copytree(BASIC, source)
        text = (source / "main.tf").read_text()
        for old, new in replacements.items():
            old = {"name": 'name        = "web"', "cidr": "cidr_block           = var.cidr"}[old]
            assert text.count(old) == 1
            text = text.replace(old, new)
        (source / "main.tf").write_text(text)
        return Terraform(source, tmp_path / "work").init()

    return edit


@pytest.fixture(scope="module")
def applied(tmp_path_factory: pytest.TempPathFactory) -> Terraform:
    """The fixture, applied once; tests only plan on top of it."""
    terraform = Terraform(BASIC, tmp_path_factory.mktemp("applied")).init()
    terraform.apply()
    return terraform


# --- the schema


def test_every_type_that_the_project_uses_is_in_the_wheel(blocks: dict[str, Any]) -> None:
    assert project_types() - set(blocks) == set()


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("aws_vpc.cidr_block", {"type": "string", "optional": True, "computed": True}),
        ("aws_vpc.id", {"type": "string", "optional": True, "computed": True}),
        ("aws_vpc.tags", {"type": ["map", "string"], "optional": True}),
        ("aws_vpc.arn", {"type": "string", "computed": True}),
        ("aws_subnet.vpc_id", {"type": "string", "required": True}),
        ("aws_lb.subnets", {"type": ["set", "string"], "optional": True, "computed": True}),
        ("aws_lb_target_group.deregistration_delay", {"type": "string", "optional": True}),
        ("aws_db_instance.password_wo", {"type": "string", "optional": True, "sensitive": True, "write_only": True}),
        ("aws_db_instance.password", {"type": "string", "optional": True, "sensitive": True}),
        ("aws_ecs_task_definition.container_definitions", {"type": "string", "required": True}),
        ("aws_secretsmanager_secret_version.secret_string_wo_version", {"type": "number", "optional": True}),
        ("data.aws_availability_zones.names", {"type": ["list", "string"], "computed": True}),
        (
            "ephemeral.aws_secretsmanager_random_password.random_password",
            {"type": "string", "computed": True, "sensitive": True},
        ),
    ],
)
def test_attributes_are_as_in_the_provider(blocks: dict[str, Any], path: str, expected: dict[str, Any]) -> None:
    kind, _, attribute = path.rpartition(".")

    assert blocks[kind]["attributes"][attribute] == expected


@pytest.mark.parametrize(
    ("kind", "block", "nesting", "least", "most"),
    [
        ("aws_lb_target_group", "health_check", "list", None, 1),
        ("aws_lb_listener", "default_action", "list", 1, None),
        ("aws_ecs_task_definition", "volume", "set", None, None),
        ("aws_ecs_service", "network_configuration", "list", None, 1),
        ("aws_db_parameter_group", "parameter", "set", None, None),
        ("aws_efs_access_point", "root_directory", "list", None, 1),
        ("aws_appautoscaling_scheduled_action", "scalable_target_action", "list", 1, 1),
        ("aws_db_instance", "timeouts", "single", None, None),
    ],
)
def test_blocks_nest_as_in_the_provider(
    blocks: dict[str, Any], kind: str, block: str, nesting: str, least: int | None, most: int | None
) -> None:
    found = blocks[kind]["block_types"][block]

    assert (found["nesting_mode"], found.get("min_items"), found.get("max_items")) == (nesting, least, most)


def test_code_of_another_form_is_refused() -> None:
    with pytest.raises(extract.UnreadableError):
        extract.schema("class Lb extends cdktn.Something {\n}", "")


def test_what_the_wheel_lost_names_arguments_that_exist() -> None:
    lost = yaml.safe_load((HERE / "standin" / "lost.yaml").read_text())
    known = json.loads((assemble.assemble(lost) / "schema.json").read_text())

    assert set(lost) <= set(known)
    for kind, entry in lost.items():
        names = {*known[kind].get("attributes", {}), *known[kind].get("block_types", {})}
        assert set(entry.get("replace", [])) | set(entry.get("default", {})) <= names, kind


def test_enumerations_are_in_botocore_and_name_arguments_that_exist() -> None:
    found = facts.enumerations()
    known = json.loads((assemble.assemble(found) / "schema.json").read_text())
    for kind, arguments in found.items():
        for argument, values in arguments.items():
            inner = known[kind]
            *outer, last = argument.split(".")
            for name in outer:
                inner = inner["block_types"][name]["block"]
            assert last in inner["attributes"], (kind, argument)
            assert values


def test_a_schema_is_assembled_once() -> None:
    assemble.assemble(project_types())

    began = time.monotonic()
    assemble.assemble(project_types())

    assert time.monotonic() - began < 0.5


def test_folders_of_the_wheel() -> None:
    assert [
        wheel.folder_of(name) for name in ("aws_db_instance", "data.aws_region", "ephemeral.aws_ssm_parameter")
    ] == [
        "db-instance",
        "data-aws-region",
        "ephemeral-aws-ssm-parameter",
    ]


def test_types_are_found_in_tests_too(tmp_path: Path) -> None:
    (tmp_path / "tests").mkdir()
    (tmp_path / "main.tf").write_text('resource "aws_vpc" "main" {\n}\nephemeral "aws_ssm_parameter" "x" {\n}\n')
    (tmp_path / "tests" / "a.tftest.hcl").write_text('mock_provider "aws" {\n  mock_data "aws_region" {\n  }\n}\n')

    assert used_types(tmp_path) == {"aws_vpc", "ephemeral.aws_ssm_parameter", "data.aws_region"}


# --- validate


def test_a_missing_argument_is_refused(edited: Any) -> None:
    terraform = edited(name="")
    (terraform.folder / "extra.tf").write_text('resource "aws_subnet" "extra" {\n}\n')

    assert [problem["summary"] for problem in terraform.validate()] == ["Missing required argument"]


def test_an_unknown_argument_is_refused(edited: Any) -> None:
    problems = edited(name='name = "web"\n  colour = "red"').validate()

    assert [problem["summary"] for problem in problems] == ["Unsupported argument"]


def test_a_wrong_type_is_refused(edited: Any) -> None:
    problems = edited(name='name = ["web"]').validate()

    assert [problem["summary"] for problem in problems] == ["Incorrect attribute value type"]


def test_a_type_that_does_not_exist_is_refused(edited: Any) -> None:
    terraform = edited(name='name = "web"')
    (terraform.folder / "extra.tf").write_text('resource "aws_vcp" "extra" {\n}\n')

    assert [problem["summary"] for problem in terraform.validate()] == ["Invalid resource type"]


# --- plan and apply


def test_what_aws_decides_is_unknown_in_the_plan(tmp_path: Path) -> None:
    plan = Terraform(BASIC, tmp_path).init().plan()

    vpc = next(change for change in plan["resource_changes"] if change["address"] == "aws_vpc.main")["change"]
    assert vpc["after_unknown"]["id"] is True
    assert vpc["after"]["cidr_block"] == "10.0.0.0/16"
    assert vpc["after"]["enable_dns_support"] is True  # the provider's default


def test_a_second_plan_is_empty(applied: Terraform) -> None:
    assert changes(applied.plan()) == {}


def test_ids_and_arns_look_like_aws(applied: Terraform) -> None:
    state = json.loads(applied.run("show", "-json").out)["values"]["root_module"]["resources"]
    values = {resource["address"]: resource["values"] for resource in state if resource["mode"] == "managed"}

    assert values["aws_vpc.main"]["id"].startswith("vpc-0")
    assert values["aws_iam_role.task"]["arn"] == "arn:aws:iam::111122223333:role/task"
    assert values["aws_ecs_task_definition.web"]["arn"] == "arn:aws:ecs:eu-west-1:111122223333:task-definition/web:1"
    assert len({values[f'aws_subnet.private["eu-west-1{zone}"]']["id"] for zone in "ab"}) == 2


def test_default_tags_join_a_resources_own(applied: Terraform) -> None:
    state = json.loads(applied.run("show", "-json").out)["values"]["root_module"]["resources"]
    tags = next(resource["values"]["tags_all"] for resource in state if resource["address"] == "aws_vpc.main")

    assert tags == {"tenant": "acme", "environment": "test", "Name": "main"}


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        (
            {"description": "another"},
            {
                "aws_security_group.web": ["delete", "create"],
                "aws_ecs_task_definition.web": ["delete", "create"],
                # The groups' new ids move one rule to another group, which needs a new rule.
                "aws_vpc_security_group_ingress_rule.web": ["delete", "create"],
                "aws_vpc_security_group_ingress_rule.worker": ["update"],
            },
        ),
    ],
)
def test_what_cannot_be_changed_is_replaced(
    applied: Terraform, variables: dict[str, Any], expected: dict[str, list[str]]
) -> None:
    assert changes(applied.plan(**variables)) == expected


def test_another_block_replaces_the_vpc_and_all_in_it(applied: Terraform) -> None:
    replaced = changes(applied.plan(cidr="10.9.0.0/16"))

    assert replaced["aws_vpc.main"] == ["delete", "create"]
    assert replaced['aws_subnet.private["eu-west-1a"]'] == ["delete", "create"]
    assert "aws_iam_role.task" not in replaced


def test_secrets_are_in_no_plan_and_no_state(tmp_path: Path) -> None:
    terraform = Terraform(BASIC, tmp_path).init()
    terraform.plan()
    terraform.run("apply", "standin.tfplan")

    secret = ephemeral.text_of("arn:aws:secretsmanager:eu-west-1:111122223333:secret:given-a1B2c3").encode()
    with zipfile.ZipFile(terraform.folder / "standin.tfplan") as plan:
        assert plan.namelist()
        assert not any(secret in plan.read(name) for name in plan.namelist())
    state = (terraform.folder / "terraform.tfstate").read_bytes()
    assert b'"secret_string_wo": null' in state
    assert secret not in state


def test_another_account_is_refused(tmp_path: Path) -> None:
    terraform = Terraform(BASIC, tmp_path, account="999999999999").init()

    with pytest.raises(TerraformError, match="AWS account ID not allowed: 999999999999"):
        terraform.plan()


def test_a_protected_database_stays(tmp_path: Path) -> None:
    (tmp_path / "source").mkdir()
    (tmp_path / "source" / "main.tf").write_text(
        """
        provider "aws" {
          region = "eu-west-1"
        }
        resource "aws_db_instance" "airflow" {
          identifier                  = "airflow"
          engine                      = "mysql"
          engine_version              = "8.4"
          instance_class              = "db.m7g.large"
          allocated_storage           = 100
          username                    = "tradewind"
          manage_master_user_password = true
          deletion_protection         = true
          final_snapshot_identifier   = "airflow-final"
        }
        """
    )
    terraform = Terraform(tmp_path / "source", tmp_path / "work").init()
    state = terraform.apply()["values"]["root_module"]["resources"][0]["values"]

    assert state["master_user_secret"][0]["secret_arn"].startswith("arn:aws:secretsmanager:eu-west-1:")
    with pytest.raises(TerraformError, match="deletion protection"):
        terraform.run("destroy", "-auto-approve", "-no-color")


def test_a_provider_knows_nothing_of_an_earlier_walk() -> None:
    """The server distinguishes connections by port, and the kernel reuses ports."""
    rules.load()
    provider = Provider(Schema.load(assemble.assemble(project_types())))
    subnet = {"vpc_id": "vpc-0123456789abcdef0", "cidr_block": "10.0.0.0/24", "availability_zone": "eu-west-1a"}

    def planned(kind: str, values: dict[str, Any]) -> list[str]:
        request = message(
            "PlanResourceChangeRequest",
            type_name=kind,
            prior_state=encode(None),
            proposed_new_state=encode(values),
            config=encode(values),
        )
        return [problem.summary for problem in provider.plan_resource_change(request).diagnostics]

    def configured(region: str) -> None:
        provider.configure_provider(message("ConfigureProviderRequest", config=encode({"region": region})))

    configured("us-east-1")
    assert len(planned("aws_subnet", subnet)) == 1
    validated = provider.validate_resource_config(
        message("TypedConfigRequest", type_name="aws_subnet", config=encode(subnet))
    )
    assert not validated.diagnostics

    configured("eu-west-1")
    assert planned("aws_subnet", subnet) == []


def test_the_source_folder_stays_as_it_was(tmp_path: Path) -> None:
    before = sorted(path.name for path in BASIC.iterdir())

    Terraform(BASIC, tmp_path).init().plan()

    assert sorted(path.name for path in BASIC.iterdir()) == before


def test_local_modules_and_remote_backends(tmp_path: Path) -> None:
    module, stack = tmp_path / "tree" / "modules" / "vpc", tmp_path / "tree" / "stacks" / "one"
    module.mkdir(parents=True)
    stack.mkdir(parents=True)
    (module / "main.tf").write_text('resource "aws_vpc" "main" {\n  cidr_block = "10.0.0.0/16"\n}\n')
    (stack / "main.tf").write_text(
        'terraform {\n  backend "s3" {}\n}\nprovider "aws" {\n  region = "eu-west-1"\n}\n'
        'module "vpc" {\n  source = "../../modules/vpc"\n}\n'
    )

    plan = Terraform(stack, tmp_path / "work").init().plan()

    assert changes(plan) == {"module.vpc.aws_vpc.main": ["create"]}


def test_terraform_test_runs_with_the_stand_in_and_with_mocks(tmp_path: Path) -> None:
    source = tmp_path / "source"
    (source / "tests").mkdir(parents=True)
    (source / "main.tf").write_text(
        'variable "cidr" {\n  type = string\n}\nresource "aws_vpc" "main" {\n  cidr_block = var.cidr\n}\n'
        'output "id" {\n  value = aws_vpc.main.id\n}\n'
    )
    run = (
        'run "makes" {\n  variables {\n    cidr = "10.0.0.0/16"\n  }\n'
        '  assert {\n    condition = %s\n    error_message = "no"\n  }\n}\n'
    )
    real = 'provider "aws" {\n  region = "eu-west-1"\n}\n' + run % 'startswith(output.id, "vpc-")'
    mocked = 'mock_provider "aws" {}\n' + run % 'aws_vpc.main.cidr_block == "10.0.0.0/16"'
    (source / "tests" / "real.tftest.hcl").write_text(real)
    (source / "tests" / "mocked.tftest.hcl").write_text(mocked)

    result = Terraform(source, tmp_path / "work").init().test()

    assert "2 passed, 0 failed" in result.out, result.out + result.err


# --- ephemeral values


def test_passwords_keep_to_their_arguments() -> None:
    config = {"password_length": 48, "exclude_punctuation": True, "exclude_characters": "lI10O"}

    found = {ephemeral.password(config) for _ in range(20)}

    assert len(found) == 20
    for word in found:
        assert len(word) == 48
        assert set(word) <= set(string.ascii_letters + string.digits) - set("lI10O")
        assert set(word) & set(string.ascii_lowercase)
        assert set(word) & set(string.digits)


def test_a_password_of_nothing_is_refused() -> None:
    everything = {f"exclude_{kind}": True for kind in ("lowercase", "uppercase", "numbers", "punctuation")}

    with pytest.raises(ValueError, match="no password"):
        ephemeral.password(everything)
