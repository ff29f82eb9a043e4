"""The record of a release: its id depends on its content, and a changed record is refused."""

from __future__ import annotations

import json

import pytest

from tradewind.errors import ExitCode, TradewindError
from tradewind.releases.record import Release

ONE, TWO = "sha256:" + "1" * 64, "registry.example.com/acme/worker@sha256:" + "2" * 64


def test_the_same_content_is_the_same_release_whoever_made_it() -> None:
    first = Release({"worker": ONE, "flower": TWO}, author="a", created="2026-01-01", note="x")
    second = Release({"flower": TWO, "worker": ONE}, author="b", created="2026-01-02", parent="r-1")

    assert first.id == second.id
    assert len(first.id) == 14


@pytest.mark.parametrize("images", [{"worker": TWO}, {"flower": ONE}, {"worker": ONE, "flower": ONE}, {}])
def test_other_content_is_another_release(images: dict[str, str]) -> None:
    assert Release(images).id != Release({"worker": ONE}).id


def test_a_record_comes_back() -> None:
    release = Release({"worker": ONE}, "d-1", "sha256:1", "abc", "r-parent", "author", "now", "note")

    assert Release.from_dict(json.loads(json.dumps(release.as_dict()))) == release


def test_a_record_of_an_earlier_version_keeps_its_id() -> None:
    """The earlier version hashed fields that were never set."""
    record = {
        "version": 1,
        "id": "r-49f304d7883b",
        "parent": "",
        "images": {"worker": ONE},
        "configuration": "",
        "dags": "",
        "author": "ada",
        "created": "2026-11-22T06:00:00.000+00:00",
        "note": "",
        "evidence": [],
    }
    assert Release.from_dict(record).id == record["id"]
    with pytest.raises(TradewindError, match="another version"):
        Release.from_dict({**record, "id": "r-000000000000", "dags": "d-1"})


@pytest.mark.parametrize("image", ["worker:latest", "registry.example.com/worker:1.2", "sha256:12", ""])
def test_an_image_without_a_digest_is_refused(image: str) -> None:
    with pytest.raises(TradewindError, match="need a digest") as caught:
        Release({"worker": image})

    assert caught.value.code == ExitCode.USAGE


@pytest.mark.parametrize(
    "change", [{"images": {"worker": TWO}}, {"id": "r-000000000000"}, {"version": 3}, {"images": {}}]
)
def test_a_changed_record_is_refused(change: dict[str, object]) -> None:
    record = {**Release({"worker": ONE}).as_dict(), **change}

    with pytest.raises(TradewindError, match="was changed"):
        Release.from_dict(record)


def test_half_a_record_is_refused() -> None:
    with pytest.raises(TradewindError, match="was changed"):
        Release.from_dict({"id": "r-1"})
