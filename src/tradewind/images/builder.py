"""The programs that build images: buildah, podman or docker, whichever is installed."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tempfile
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from tradewind.errors import ExitCode, TradewindError

COMPRESSION = "zstd"
COMPRESSION_LEVEL = "12"
"""Level 12 is 3 % larger than 19 and takes a third of its time. Both are a fifth smaller than gzip. ECR and Fargate
accept zstd (AWS documentation), and a smaller image starts sooner."""
LAST_LINES = 25


@dataclass(frozen=True)
class Build:
    """One image to build: the stage ``target`` of the Dockerfile in the folder ``context``, to be named ``tag``.

    ``secrets``: files that the builder's stages may read and that no image contains. ``fresh``: without the cache of
    earlier builds.
    """

    context: Path
    dockerfile: str
    target: str
    tag: str
    base: str
    platform: str
    labels: Mapping[str, str] = field(default_factory=dict)
    secrets: Mapping[str, Path] = field(default_factory=dict)
    fresh: bool = False


class Builder(Protocol):
    """A program that builds and pushes images."""

    @property
    def name(self) -> str:
        """The name of the program."""

    def base_digest(self, reference: str) -> str:
        """The digest of a base image. Pulls it if this machine does not have it."""

    def find(self, tag: str) -> str | None:
        """The id (``sha256:…``) of the image with this name on this machine, or None."""

    def fetch(self, reference: str) -> None:
        """Pull an image if this machine does not have it."""

    def build(self, build: Build) -> Iterator[str]:
        """Build, and yield the output line by line. TradewindError with the last lines if the build fails."""

    def save(self, image: str, archive: Path) -> str:
        """Write a local image into a file; return the kind of the file (``oci-archive``, ``docker-archive``)."""

    def run(self, image: str, options: Sequence[str], script: str) -> str:
        """Run a Python script inside a local image; return its output. ``options``: those of the ``run`` command."""

    def push(self, tag: str, destination: str, login: Path | None) -> str:
        """Copy an image to ``registry/repository:tag``; return its digest there.

        ``login``: a file with credentials in the format of these programs (``auth.json``).
        """


class Podman:
    """buildah, and podman, which has the same commands under other names."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._image = ("podman", "image", "inspect") if name == "podman" else ("buildah", "inspect", "--type", "image")

    def base_digest(self, reference: str) -> str:
        """See Builder."""
        self.fetch(reference)
        return self._inspect(reference) or reference

    def fetch(self, reference: str) -> None:
        """See Builder."""
        if not self._inspect(reference):
            plain = ["--tls-verify=false"] if on_this_machine(reference) else []
            _run([self.name, "pull", "--quiet", *plain, reference], f"the image {reference} cannot be pulled")

    def find(self, tag: str) -> str | None:
        """See Builder."""
        template = "{{.Id}}" if self.name == "podman" else "{{.FromImageID}}"
        found = _ask([*self._image, "--format", template, tag])
        return f"sha256:{found.removeprefix('sha256:')}" if found else None

    def build(self, build: Build) -> Iterator[str]:
        """See Builder."""
        argv = [self.name, "build", "--format", "oci", "--layers", "--network", "host"]
        argv += ["--pull-never"] if self.name == "buildah" else ["--pull=never"]
        # All files get the same time, so that the same content gives the same digest.
        argv += ["--timestamp", "0"]
        yield from _stream([*argv, *_common(build)], build.target)

    def save(self, image: str, archive: Path) -> str:
        """See Builder."""
        _run([self.name, "push", "--quiet", image, f"oci-archive:{archive}"], f"the image {image} cannot be read")
        return "oci-archive"

    def run(self, image: str, options: Sequence[str], script: str) -> str:
        """See Builder. buildah and podman share their images, and podman runs them."""
        if not shutil.which("podman"):
            raise TradewindError(
                "images cannot be checked",
                "there is no podman in the PATH",
                "on Debian and Ubuntu: apt install podman",
                code=ExitCode.USAGE,
            )
        argv = ["podman", "run", "--rm", "--interactive", "--pull", "never", *options, "--entrypoint", "python"]
        return _run([*argv, image, "-"], f"the image {image} does not run", given=script)

    def push(self, tag: str, destination: str, login: Path | None) -> str:
        """See Builder."""
        with tempfile.TemporaryDirectory() as folder:
            digest = Path(folder) / "digest"
            argv = [self.name, "push", "--quiet", "--format", "oci", "--digestfile", str(digest)]
            argv += ["--compression-format", COMPRESSION]
            if self.name == "buildah":  # podman supports levels from 4.7 on
                argv += ["--compression-level", COMPRESSION_LEVEL]
            argv += ["--authfile", str(login)] if login else []
            argv += ["--tls-verify=false"] if on_this_machine(destination) else []
            _run([*argv, tag, f"docker://{destination}"], f"{tag} cannot be pushed to {destination}")
            return digest.read_text().strip()

    def _inspect(self, reference: str) -> str | None:
        template = "{{.Digest}}" if self.name == "podman" else "{{.FromImageDigest}}"
        return _ask([*self._image, "--format", template, reference])


class Docker:
    """docker with BuildKit."""

    name = "docker"

    def base_digest(self, reference: str) -> str:
        """See Builder."""
        self.fetch(reference)
        return self.find(reference) or reference

    def fetch(self, reference: str) -> None:
        """See Builder."""
        if not self.find(reference):
            # Without its daemon, docker is as good as not installed, and reports every image as missing.
            _run(["docker", "version"], "docker is installed, but its daemon does not respond", hint=_NO_DAEMON)
            _run(["docker", "pull", "--quiet", reference], f"the image {reference} cannot be pulled")

    def find(self, tag: str) -> str | None:
        """See Builder."""
        return _ask(["docker", "image", "inspect", "--format", "{{.Id}}", tag])

    def build(self, build: Build) -> Iterator[str]:
        """See Builder."""
        argv = ["docker", "buildx", "build", "--progress", "plain", "--provenance=false"]
        argv += ["--build-arg", "SOURCE_DATE_EPOCH=0", "--output", "type=docker,rewrite-timestamp=true"]
        yield from _stream([*argv, *_common(build)], build.target)

    def save(self, image: str, archive: Path) -> str:
        """See Builder."""
        _run(["docker", "save", "--output", str(archive), image], f"the image {image} cannot be read")
        return "docker-archive"

    def run(self, image: str, options: Sequence[str], script: str) -> str:
        """See Builder."""
        argv = ["docker", "run", "--rm", "--interactive", "--pull", "never", *options, "--entrypoint", "python"]
        return _run([*argv, image, "-"], f"the image {image} does not run", given=script)

    def push(self, tag: str, destination: str, login: Path | None) -> str:
        """See Builder. docker compresses with gzip here, so the digest differs from that of the other programs."""
        _run(["docker", "tag", tag, destination], f"{tag} cannot be tagged {destination}")
        environment = dict(os.environ)
        with tempfile.TemporaryDirectory() as folder:
            if login:
                shutil.copyfile(login, Path(folder) / "config.json")
                environment["DOCKER_CONFIG"] = folder
            _run(["docker", "push", "--quiet", destination], f"{tag} cannot be pushed to {destination}", environment)
        digests = _ask(["docker", "image", "inspect", "--format", '{{join .RepoDigests "\\n"}}', destination]) or ""
        repository = destination.rpartition(":")[0]
        return next(line.partition("@")[2] for line in digests.splitlines() if line.startswith(repository + "@"))


PROGRAMS = ("buildah", "podman", "docker")

_INSTALL = "on Debian and Ubuntu: apt install buildah podman"
_NO_DAEMON = f"start the Docker daemon, or use a builder without one; {_INSTALL}"


def choose(wanted: str | None = None) -> Builder:
    """The builder ``wanted``, or the first that is installed. TradewindError if there is none."""
    if wanted and wanted not in PROGRAMS:
        raise TradewindError(
            f"{wanted!r} is no image builder", f"use one of {', '.join(PROGRAMS)}", code=ExitCode.USAGE
        )
    for name in (wanted,) if wanted else PROGRAMS:
        if shutil.which(name):
            return Docker() if name == "docker" else Podman(name)
    raise TradewindError(
        "no image builder is installed",
        f"looked for {wanted or ', '.join(PROGRAMS)} in the PATH",
        _INSTALL,
    )


@contextmanager
def login_file(registry: str, login: str) -> Iterator[Path]:
    """A private file with the login to a registry, as builders read it, for the duration of the block."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "auth.json"
        file.touch(mode=0o600)
        file.write_text(json.dumps({"auths": {registry: {"auth": login}}}))
        yield file


def on_this_machine(destination: str) -> bool:
    """Whether a registry is on the loopback interface, which is used without TLS."""
    host = destination.partition("/")[0].rpartition(":")[0]
    return host in {"localhost", "127.0.0.1", "[::1]"}


def _common(build: Build) -> list[str]:
    argv = ["--file", str(build.context / build.dockerfile), "--target", build.target, "--tag", build.tag]
    argv += ["--platform", build.platform, "--build-arg", f"BASE={build.base}"]
    for name, value in sorted(build.labels.items()):
        argv += ["--label", f"{name}={value}"]
    for name, path in sorted(build.secrets.items()):
        argv += ["--secret", f"id={name},src={path}"]
    argv += ["--no-cache"] if build.fresh else []
    return [*argv, str(build.context)]


def _ask(argv: list[str]) -> str | None:
    """The one-line output, or None if the program fails: there is no such image."""
    result = subprocess.run(argv, capture_output=True, text=True, check=False)  # noqa: S603
    return result.stdout.strip() or None if result.returncode == 0 else None


def _run(
    argv: list[str], what: str, environment: Mapping[str, str] | None = None, given: str = "", hint: str = ""
) -> str:
    result = subprocess.run(  # noqa: S603
        argv, input=given, capture_output=True, text=True, check=False, env=environment
    )
    if result.returncode != 0:
        raise TradewindError(what, _tail(result.stderr.splitlines()), hint)
    return result.stdout


def _stream(argv: list[str], target: str) -> Iterator[str]:
    last: deque[str] = deque(maxlen=LAST_LINES)
    with subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:  # noqa: S603
        assert process.stdout
        for line in process.stdout:
            last.append(line.rstrip())
            yield line.rstrip()
    if process.returncode != 0:
        raise TradewindError(f"the image {target} cannot be built", _tail(last))


def _tail(lines: deque[str] | list[str]) -> str:
    return "\n  " + "\n  ".join(line for line in [*lines][-LAST_LINES:] if line.strip())
