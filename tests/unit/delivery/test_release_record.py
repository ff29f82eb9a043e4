"""The record of a release: named by its content, and not to be changed behind its name."""

from __future__ import annotations

import json

import pytest

from tradewind.delivery.release import Release
from tradewind.errors import ExitCode, TradewindError

ONE, TWO = "sha256:" + "1" * 64, "registry.example.com/acme/worker@sha256:" + "2" * 64


def test_the_same_content_is_the_same_release_whoever_made_it() -> None:
    first = Release({"worker": ONE, "flower": TWO}, author="a", created="2026-01-01", note="x")
    second = Release({"flower": TWO, "worker": ONE}, author="b", created="2026-01-02", parent="r-1")

    assert first.id == second.id
    assert len(first.id) == 14


@pytest.mark.parametrize("change", [{"images": {"worker": TWO}}, {"configuration": "c"}, {"dags": "d"}])
def test_other_content_is_another_release(change: dict[str, object]) -> None:
    assert Release(**{"images": {"worker": ONE}, **change}).id != Release({"worker": ONE}).id  # type: ignore[arg-type]


def test_a_record_comes_back() -> None:
    release = Release({"worker": ONE}, "c", "d", "r-parent", "author", "now", "note", ({"gate": "passed"},))

    assert Release.from_dict(json.loads(json.dumps(release.as_dict()))) == release


@pytest.mark.parametrize("image", ["worker:latest", "registry.example.com/worker:1.2", "sha256:12", ""])
def test_an_image_without_a_digest_is_refused(image: str) -> None:
    with pytest.raises(TradewindError, match="by digest") as caught:
        Release({"worker": image})

    assert caught.value.code == ExitCode.USAGE


@pytest.mark.parametrize(
    "change", [{"images": {"worker": TWO}}, {"id": "r-000000000000"}, {"version": 2}, {"dags": None, "note": 1}]
)
def test_a_changed_record_is_refused(change: dict[str, object]) -> None:
    record = {**Release({"worker": ONE}).as_dict(), **change}

    with pytest.raises(TradewindError, match="was changed"):
        Release.from_dict(record)


def test_half_a_record_is_refused() -> None:
    with pytest.raises(TradewindError, match="was changed"):
        Release.from_dict({"id": "r-1"})
