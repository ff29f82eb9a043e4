"""A project with its own images, and the real programs that build and change them."""

from __future__ import annotations

import json
import subprocess
from dataclasses import dataclass
from pathlib import Path

from running import Running

BASE = "localhost/tradewind-test/python:3.11"
DAGS = Path(__file__).parent / "dags"


def call(*argv: str) -> str:
    """Run a program that must succeed. Return its last line."""
    result = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert result.returncode == 0, f"{argv}: {result.stdout}{result.stderr}"
    return (result.stdout.strip().splitlines() or [""])[-1]


@dataclass
class Shop:
    """A project with its own images."""

    running: Running

    def images(self) -> dict[str, str]:
        """Map each component to the id of its image. Missing images are built."""
        built = json.loads(self.running.tradewind("images", "build", "--json").stdout)
        return {image["component"]: image["id"] for image in built["images"]}

    def variant(self, image: str, *change: str) -> str:
        """Make an image that differs by these arguments of ``buildah config``. Return its id."""
        container = call("buildah", "from", "--pull-never", image)
        try:
            call("buildah", "config", *change, container)
            return (
                f"sha256:{call('buildah', 'commit', '--quiet', '--timestamp', '0', container).removeprefix('sha256:')}"
            )
        finally:
            call("buildah", "rm", container)

    def release(self, dags: str = "", **images: str) -> str:
        """Create a release with these images instead of the project's own, and this DAG release. Return its id."""
        chosen = [f"--image={component}={image}" for component, image in {**self.images(), **images}.items()]
        return self.running.tradewind("release", "create", "--dag-release", dags, *chosen).stdout.strip()


def project(folder: Path) -> Running:
    running = Running.create(folder, DAGS, database="mysql")
    file = folder / "tradewind.yaml"
    file.write_text(f"images: {{base: {BASE}, requirements: requirements.txt}}\n{file.read_text()}")
    with file.open("a") as stream:
        stream.write("  web: 2\n")
    (folder / "requirements.txt").write_text("# nothing yet\n")
    return running
