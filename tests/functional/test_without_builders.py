"""Messages on a machine without a program that builds images, and without AWS."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

COMMAND = Path(sys.executable).parent / "tradewind"
ROOT = Path(__file__).parents[2]
INSTALL = "on Debian and Ubuntu: apt install buildah podman"
NOTHING = "error: no image builder is installed: looked for buildah, podman, docker in the PATH\nhint: "
LOG_IN = "log in (`aws sso login`), or set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
NO_AWS = f"error: AWS credentials are missing: Unable to locate credentials\nhint: {LOG_IN}"
IMAGES = " ".join(f"--image {name}=IMAGE" for name in ("webserver", "scheduler", "worker", "flower"))
DIGEST = f"registry.example.com/acme/worker@sha256:{'1' * 64}"
ALL = [f"--image={name}={DIGEST}" for name in ("webserver", "scheduler", "worker", "flower")]

NO_DAEMON = """#!/bin/sh
[ "$1" = version ] || exit 1
echo "Cannot connect to the Docker daemon at unix:///var/run/docker.sock. Is the docker daemon running?" >&2
exit 1
"""
NO_REGISTRY = """#!/bin/sh
[ "$1" = pull ] && echo "dial tcp: lookup registry-1.docker.io: no such host" >&2
exit 1
"""


@pytest.fixture
def bare(tmp_path: Path) -> Path:
    """A folder with the small example. The PATH of the command is the folder ``bin`` alone."""
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "sh").symlink_to("/bin/sh")
    (tmp_path / "examples" / "dags").mkdir(parents=True)
    shutil.copy(ROOT / "tradewind.yaml", tmp_path)
    shutil.copy(ROOT / "examples" / "requirements.txt", tmp_path / "examples")
    return tmp_path


def install(bare: Path, name: str, script: str) -> None:
    (bare / "bin" / name).write_text(script)
    (bare / "bin" / name).chmod(0o755)


def run(bare: Path, *arguments: str) -> tuple[int, str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "TRADEWIND_", "TF_"))}
    own = {"PATH": str(bare / "bin"), "HOME": str(bare), "AWS_EC2_METADATA_DISABLED": "true", "NO_COLOR": "1"}
    said = subprocess.run(
        [str(COMMAND), *arguments], cwd=bare, env=kept | own, stdin=subprocess.DEVNULL, capture_output=True, text=True
    )
    return said.returncode, said.stdout, said.stderr


@pytest.mark.parametrize("command", [["build"], ["list"], ["check"], ["sbom", "worker"], ["push"]])
def test_images_say_what_to_install(bare: Path, command: list[str]) -> None:
    assert run(bare, "images", *command) == (1, "", f"{NOTHING}{INSTALL}\n")


def test_a_release_takes_images_that_a_registry_has_where_none_can_be_built(bare: Path) -> None:
    without = f"use images of a registry by digest: tradewind release create {IMAGES}"
    assert run(bare, "release", "create") == (1, "", f"{NOTHING}{INSTALL}; or {without}\n")
    # The error names only missing images; with all images given, nothing is built.
    code, _, said = run(bare, "release", "create", *ALL[:3])
    assert (code, said.splitlines()[-1].rpartition("; or ")[2]) == (
        1,
        "use images of a registry by digest: tradewind release create --image flower=IMAGE",
    )
    code, release, said = run(bare, "release", "create", *ALL)
    assert (code, said) == (0, "")
    assert release.startswith("r-")


def test_a_program_that_does_not_work_is_told_apart_from_one_that_is_missing(bare: Path) -> None:
    install(bare, "docker", NO_DAEMON)
    code, out, said = run(bare, "images", "build")
    assert (code, out) == (1, "")
    assert said.startswith(
        "error: docker is installed, but its daemon does not respond: \n  Cannot connect to the Docker daemon"
    )
    assert said.endswith(f"hint: start the Docker daemon, or use a builder without one; {INSTALL}\n")
    assert run(bare, "release", "create")[2].endswith(f"tradewind release create {IMAGES}\n")


@pytest.mark.parametrize("name", ["buildah", "podman"])
def test_a_base_image_that_cannot_be_had(bare: Path, name: str) -> None:
    install(bare, name, NO_REGISTRY)
    code, _, said = run(bare, "images", "build")
    assert code == 1
    assert "the image docker.io/library/python:3.11-slim-bookworm cannot be pulled: \n  dial tcp: lookup" in said
    assert said.endswith("hint: set `images.base` to an image that this machine can reach, such as one of a mirror\n")


def test_pushing_without_aws(bare: Path) -> None:
    install(bare, "buildah", NO_REGISTRY)
    own = "push to a registry without a login: --registry HOST:PORT"
    assert run(bare, "images", "push") == (1, "", f"{NO_AWS}; or {own}\n")


@pytest.mark.parametrize(
    "command",
    [["deploy"], ["status"], ["rollback"], ["resume"]],
)
def test_a_release_goes_to_a_platform_that_runs_from_images(bare: Path, command: list[str]) -> None:
    why = "the platform is not running: releases need a platform that was started with --containers"
    assert run(bare, "release", *command) == (
        1,
        "",
        f"error: {why}\nhint: tradewind up --containers --database mysql\n",
    )


def test_containers_without_podman(bare: Path) -> None:
    what = "error: containers cannot be run: there is no podman in the PATH\n"
    hint = "hint: on Debian and Ubuntu: apt install podman; or tradewind up without --containers\n"
    assert run(bare, "up", "--containers", "--database", "mysql") == (2, "", what + hint)


@pytest.mark.parametrize("command", [["create", "-e", "dev"], ["deploy", "-e", "dev"], ["status", "-e", "dev"]])
def test_environments_of_aws_ask_for_credentials(bare: Path, command: list[str]) -> None:
    assert run(bare, "release", *command) == (1, "", f"{NO_AWS}\n")
