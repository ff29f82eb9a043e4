"""One set of images, and one platform that runs from them, for all tests of this folder."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Iterator

import pytest
from running import Running
from shop import Shop, call, project

TOOLS = ("buildah", "podman", "skopeo", "docker-registry", "mysqld", "haproxy")


@pytest.fixture(scope="session")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Shop:
    """The built images, without a running platform. A missing tool fails: only tests/__main__.py skips tests."""
    missing = [tool for tool in TOOLS if not shutil.which(tool)]
    assert not missing, f"not in the PATH: {', '.join(missing)}; tests/containers/prepare.sh says what it takes"
    made = Shop(project(tmp_path_factory.mktemp("shop")))
    made.images()
    return made


@pytest.fixture(scope="session")
def platform(shop: Shop) -> Iterator[Running]:
    """The platform, run from the images, with a first active release."""
    shop.running.tradewind("up", "--containers")
    shop.running.tradewind("release", "deploy", "-e", "local", shop.release())
    yield shop.running
    shop.running.tradewind("down", "--now")
    assert shop.running.left_behind() == []
    state_dir = f"label=dev.tradewind.state-dir={shop.running.folder / '.tradewind'}"
    assert call("podman", "ps", "--all", "--quiet", "--filter", state_dir) == ""


@pytest.fixture(scope="session")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a real registry on the loopback interface."""
    from tradewind.local import ports

    folder = tmp_path_factory.mktemp("registry")
    address = f"127.0.0.1:{ports.another()}"
    settings = {
        "version": 0.1,
        "storage": {"filesystem": {"rootdirectory": str(folder / "data")}},
        "http": {"addr": address},
    }
    (folder / "registry.yml").write_text(json.dumps(settings))  # JSON is YAML
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(
            ["docker-registry", "serve", str(folder / "registry.yml")], stdout=log, stderr=log, env=dict(os.environ)
        )
    try:
        yield address
    finally:
        process.terminate()
        process.wait()
