"""Tests that share slow fixtures run in the same process (``pytest --dist loadgroup``)."""

from __future__ import annotations

from pathlib import Path

import pytest

HERE = Path(__file__).parent
GROUPS = {
    "test_audit.py": "planned",
    "test_stacks.py": "planned",
    "test_aws_commands.py": "commands",
    "test_deployed.py": "deployed",
    "test_secrets_absent.py": "deployed",
}


@pytest.hookimpl(tryfirst=True)  # pytest-xdist reads the groups in the same hook
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        group = "deployed" if HERE / "policies" in item.path.parents else GROUPS.get(item.path.name)
        if group and HERE in item.path.parents:
            item.add_marker(pytest.mark.xdist_group(group))


def pytest_collection_finish(session: pytest.Session) -> None:
    """Fail if pytest-xdist ignores the groups: slow fixtures would be made several times."""
    if getattr(session.config.option, "loadgroup", False):
        grouped = [item for item in session.items if item.get_closest_marker("xdist_group")]
        assert all("@" in item.nodeid for item in grouped), "pytest-xdist groups nothing with this pytest"
