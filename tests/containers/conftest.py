"""One set of images and one platform that runs from them, for all tests of this kind."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from running import Running

BASE = "localhost/tradewind-test/python:3.11"
DAGS = Path(__file__).parent / "dags"
TOOLS = ("buildah", "podman", "skopeo", "docker-registry", "mysqld", "haproxy")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    missing = [tool for tool in TOOLS if not shutil.which(tool)]
    reason = f"not in the PATH: {', '.join(missing)}; tests/containers/prepare.sh says what else it takes"
    for item in items:
        if item.path.is_relative_to(Path(__file__).parent) and missing:
            item.add_marker(pytest.mark.skip(reason=reason))


def call(*argv: str) -> str:
    """Run a program that must succeed; its last line."""
    result = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert result.returncode == 0, f"{argv}: {result.stdout}{result.stderr}"
    return (result.stdout.strip().splitlines() or [""])[-1]


@dataclass
class Shop:
    """A project with its own images."""

    running: Running

    def images(self) -> dict[str, str]:
        """From each component to the id of its image, built where it is missing."""
        built = json.loads(self.running.tradewind("images", "build", "--json").stdout)
        return {image["component"]: image["id"] for image in built["images"]}

    def variant(self, image: str, *change: str) -> str:
        """An image that differs in what ``buildah config`` is given; its id."""
        container = call("buildah", "from", "--pull-never", image)
        try:
            call("buildah", "config", *change, container)
            return (
                f"sha256:{call('buildah', 'commit', '--quiet', '--timestamp', '0', container).removeprefix('sha256:')}"
            )
        finally:
            call("buildah", "rm", container)

    def release(self, **images: str) -> str:
        """A release with these images instead of the project's own; its id."""
        chosen = [f"--image={component}={image}" for component, image in {**self.images(), **images}.items()]
        return self.running.tradewind("release", "create", *chosen).stdout.strip()


def project(folder: Path) -> Running:
    running = Running.create(folder, DAGS, database="mysql")
    file = folder / "tradewind.yaml"
    file.write_text(f"images: {{base: {BASE}, requirements: requirements.txt}}\n{file.read_text()}")
    with file.open("a") as stream:
        stream.write("  web: 2\n")
    (folder / "requirements.txt").write_text("# nothing yet\n")
    # Links to files outside do not lead anywhere inside a container.
    for entry in (folder / "dags").iterdir():
        content = entry.read_bytes()
        entry.unlink()
        entry.write_bytes(content)
    return running


@pytest.fixture(scope="session")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Shop:
    """The images, built; nothing runs."""
    made = Shop(project(tmp_path_factory.mktemp("shop")))
    made.images()
    return made


@pytest.fixture(scope="session")
def platform(shop: Shop) -> Iterator[Running]:
    """The platform, run from the images, with a first release in force."""
    shop.running.tradewind("up", "--containers")
    shop.running.tradewind("release", "deploy", "local", shop.release())
    yield shop.running
    shop.running.tradewind("down", "--now")
    assert shop.running.left_behind() == []
    home = f"label=dev.tradewind.home={shop.running.folder / '.tradewind'}"
    assert call("podman", "ps", "--all", "--quiet", "--filter", home) == ""


@pytest.fixture(scope="session")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a real registry on the loopback."""
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
