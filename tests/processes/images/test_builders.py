"""The program that builds images, and its arguments, which contain no secret."""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path

import pytest

from tradewind.errors import ExitCode, TradewindError
from tradewind.images.builder import PROGRAMS, Build, choose, login_file, on_this_machine

RECORDER = """\
#!/bin/sh
printf '%s\\n' "$@" >> "$RECORD"
echo --- >> "$RECORD"

case "$*" in *push*) for word in "$@"; do [ -z "$next" ] || echo sha256:pushed > "$word"; next=
    [ "$word" != --digestfile ] || next=1; done;; esac

case "$*" in *RepoDigests*) echo "127.0.0.1:5000/acme/worker@sha256:pushed";; *inspect*) echo sha256:found;; esac
case "$*" in *Dockerfile*) echo "STEP 1/1: FROM base";; esac
[ -z "$FAIL" ] || { echo "no space left on device"; exit 1; }
"""


@pytest.fixture(params=PROGRAMS)
def program(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A program of this name that only records its arguments."""
    name: str = request.param
    (tmp_path / "bin").mkdir()
    file = tmp_path / "bin" / name
    file.write_text(RECORDER)
    file.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:/usr/bin:/bin")
    monkeypatch.setenv("RECORD", str(tmp_path / "record"))
    return name


def build(tmp_path: Path) -> Build:
    secret = tmp_path / "index"
    secret.write_text("https://user:hunter2@example.com/simple")
    return Build(tmp_path, "images/Dockerfile", "worker", "localhost/acme/worker:1", "python:3", "linux/arm64",
                 {"a": "b"}, {"index": secret})  # fmt: skip


def said(tmp_path: Path) -> str:
    return (tmp_path / "record").read_text()


def test_build(program: str, tmp_path: Path) -> None:
    lines = list(choose(program).build(build(tmp_path)))

    words = said(tmp_path).splitlines()
    assert "STEP 1/1: FROM base" in lines
    for option, value in (("--target", "worker"), ("--tag", "localhost/acme/worker:1"), ("--platform", "linux/arm64"),
                          ("--build-arg", "BASE=python:3"), ("--label", "a=b")):  # fmt: skip
        assert (option, value) in list(pairwise(words))
    assert f"id=index,src={tmp_path / 'index'}" in words
    assert "hunter2" not in said(tmp_path)


def test_a_build_that_fails_tells_its_last_lines(program: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FAIL", "1")

    with pytest.raises(TradewindError, match="the image worker cannot be built") as caught:
        list(choose(program).build(build(tmp_path)))

    assert "no space left on device" in caught.value.why


def test_push(program: str, tmp_path: Path) -> None:
    login = tmp_path / "auth.json"
    login.write_text(json.dumps({"auths": {"127.0.0.1:5000": {"auth": "aHVudGVyMg=="}}}))

    digest = choose(program).push("localhost/acme/worker:1", "127.0.0.1:5000/acme/worker:1", login)

    assert digest == "sha256:pushed"
    assert "aHVudGVyMg" not in said(tmp_path)


def test_find(program: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert choose(program).find("localhost/acme/worker:1") == "sha256:found"

    monkeypatch.setenv("FAIL", "1")
    assert choose(program).find("localhost/acme/worker:1") is None


def test_nothing_is_installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))

    with pytest.raises(TradewindError, match="no image builder is installed"):
        choose()
    with pytest.raises(TradewindError, match="looked for podman"):
        choose("podman")


def test_an_unknown_program() -> None:
    with pytest.raises(TradewindError) as caught:
        choose("kaniko")

    assert caught.value.code == ExitCode.USAGE
    assert "kaniko" in str(caught.value)


@pytest.mark.parametrize(
    ("destination", "here"),
    [("127.0.0.1:5000/a:1", True), ("localhost:5000/a:1", True), ("localhost.example.com/a:1", False),
     ("111111111111.dkr.ecr.eu-west-1.amazonaws.com/acme/worker:1", False)],
)  # fmt: skip
def test_only_this_machine_goes_without_tls(destination: str, here: bool) -> None:
    assert on_this_machine(destination) is here


def test_the_login_is_in_a_private_file_and_gone_afterwards() -> None:
    with login_file("registry.example.com", "QVdTOnNlY3JldA==") as file:
        assert json.loads(file.read_text()) == {"auths": {"registry.example.com": {"auth": "QVdTOnNlY3JldA=="}}}
        assert file.stat().st_mode & 0o777 == 0o600

    assert not file.exists()
