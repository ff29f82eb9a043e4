"""The contract of records, on a folder and on S3 (moto): a write needs the version that the writer has read."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import boto3
import pytest
from moto import mock_aws

from tradewind.storage.records import ConflictError, FolderRecords, Records
from tradewind.storage.s3_records import S3Records


@pytest.fixture(params=["folder", "s3"])
def records(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Records]:
    if request.param == "folder":
        yield FolderRecords(tmp_path / "records")
        return
    with mock_aws():
        session = boto3.Session("testing", "testing", region_name="us-east-1")
        session.client("s3").create_bucket(Bucket="acme-releases")
        yield S3Records(session, "acme-releases")


def test_what_was_written_is_read(records: Records) -> None:
    assert records.read("environments/dev/current") is None

    version = records.write("environments/dev/current", {"release": "r-1", "umlaut": "ä"}, None)

    assert records.read("environments/dev/current") == ({"release": "r-1", "umlaut": "ä"}, version)


def test_a_new_document_must_be_new(records: Records) -> None:
    records.write("a", {"n": 1}, None)

    with pytest.raises(ConflictError):
        records.write("a", {"n": 2}, None)

    assert records.read("a") == ({"n": 1}, records.read("a")[1])  # type: ignore[index]


def test_only_the_version_that_was_read_is_overwritten(records: Records) -> None:
    first = records.write("a", {"n": 1}, None)
    second = records.write("a", {"n": 2}, first)

    with pytest.raises(ConflictError):
        records.write("a", {"n": 3}, first)

    assert records.read("a") == ({"n": 2}, second)


def test_what_is_not_there_cannot_be_overwritten(records: Records) -> None:
    with pytest.raises(ConflictError):
        records.write("a", {"n": 1}, '"0123456789abcdef0123456789abcdef"')


def test_only_the_version_that_was_read_is_deleted(records: Records) -> None:
    first = records.write("a", {"n": 1}, None)
    second = records.write("a", {"n": 2}, first)

    with pytest.raises(ConflictError):
        records.delete("a", first)
    records.delete("a", second)
    records.delete("a", second)  # it no longer exists: nothing happens

    assert records.read("a") is None


def test_names(records: Records) -> None:
    for name in ("ledger/2", "ledger/1", "current"):
        records.write(name, {}, None)

    assert records.names("ledger/") == ["ledger/1", "ledger/2"]
    assert records.names("") == ["current", "ledger/1", "ledger/2"]
    assert records.names("nothing/") == []


def test_of_many_writers_of_a_new_document_one_wins(tmp_path: Path) -> None:
    # On a folder only: moto reads and writes in two steps, S3 in one (see its documentation of If-None-Match).
    records = FolderRecords(tmp_path)
    won: list[int] = []

    def write(number: int) -> None:
        try:
            records.write("lock", {"owner": number}, None)
        except ConflictError:
            return
        won.append(number)

    threads = [threading.Thread(target=write, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(won) == 1
    assert records.read("lock")[0] == {"owner": won[0]}  # type: ignore[index]
