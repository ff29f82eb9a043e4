"""Each module and stack alone: formatted, valid, and its own tests pass.

``TRADEWIND_TEST_PROVIDER=real`` (`make test-aws`) takes the provider from its registry in place of the stand-in.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from harness import PROJECT, Terraform
from readme import readmes, rendered

TERRAFORM = PROJECT / "terraform"
FOLDERS = sorted(path.parent for path in TERRAFORM.glob("*/*/variables.tf"))
TESTED = [folder for folder in FOLDERS if list(folder.glob("tests/*.tftest.hcl"))]


def name(folder: Path) -> str:
    return str(folder.relative_to(TERRAFORM))


@pytest.mark.parametrize("folder", FOLDERS, ids=name)
def test_it_is_valid(folder: Path, tmp_path: Path) -> None:
    assert Terraform(folder, tmp_path).init().validate() == []


@pytest.mark.parametrize("folder", TESTED, ids=name)
def test_its_own_tests(folder: Path, tmp_path: Path) -> None:
    result = Terraform(folder, tmp_path).init().test()
    assert result.code == 0, result.out + result.err
    assert "0 failed" in result.out
    assert not result.out.startswith("Success! 0 passed")
    print(result.out.strip().splitlines()[-1])


def test_every_module_has_tests_and_says_what_it_is() -> None:
    modules = [folder for folder in FOLDERS if folder.parent.name == "modules"]
    assert [name(folder) for folder in modules if folder not in TESTED] == []
    assert [name(folder) for folder in FOLDERS if not (folder / "README.md").exists()] == []


@pytest.mark.parametrize("file", readmes(), ids=lambda file: name(file.parent))
def test_readmes_have_the_inputs_and_outputs_of_the_code(file: Path) -> None:
    assert file.read_text() == rendered(file), "run: python tests/terraform/readme.py"
