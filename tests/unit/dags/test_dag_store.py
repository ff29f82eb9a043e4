"""The contract of a store of DAG releases, on a folder and on S3 (moto): stored once, fetched whole and verified."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import boto3
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws

from tradewind.dag_releases.manifest import Origin
from tradewind.dag_releases.shared_folder import SharedFolder
from tradewind.dag_releases.store import bring, put
from tradewind.dags import build as release
from tradewind.dags.tree import File, Tree
from tradewind.errors import TradewindError
from tradewind.storage.artifacts import ArtifactStore, FolderArtifacts
from tradewind.storage.s3_artifacts import S3Artifacts

BUCKET = "acme-artifacts"


@pytest.fixture(params=["folder", "s3"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[ArtifactStore]:
    if request.param == "folder":
        yield FolderArtifacts(tmp_path / "store")
        return
    with mock_aws():
        session = boto3.Session("testing", "testing", region_name="us-east-1")
        session.client("s3").create_bucket(Bucket=BUCKET)
        yield S3Artifacts(session, BUCKET, "dags/")


@pytest.fixture
def made(tmp_path: Path) -> tuple[str, Path, Path]:
    tree = Tree({"a.py": File(b"A = 1\n"), "data/x.bin": File(bytes(3 << 20))}, Origin(commit="1" * 40))
    found, archive, manifest = release.build(tree, tmp_path / "made")
    return found.id, archive, manifest


def test_a_release_is_brought_as_it_was_made(
    store: ArtifactStore, made: tuple[str, Path, Path], tmp_path: Path
) -> None:
    name, archive, manifest = made
    put(store, archive, manifest)
    put(store, archive, manifest)  # nothing happens
    shared = SharedFolder(tmp_path / "shared")
    brought = bring(store, name, shared.folder / "releases")
    assert brought.id == name
    assert brought.origin.commit == "1" * 40
    assert shared.archive(name).read_bytes() == archive.read_bytes()
    assert shared.activate(name).release == name
    assert oct(shared.archive(name).stat().st_mode & 0o777) == "0o644"
    before = shared.archive(name).stat().st_ino
    assert bring(store, name, shared.folder / "releases").id == name
    assert shared.archive(name).stat().st_ino == before, "what is there and whole is not brought again"


def test_what_is_kept_never_changes(store: ArtifactStore, tmp_path: Path) -> None:
    (tmp_path / "x").write_text("first")
    store.keep(tmp_path / "x")
    (tmp_path / "x").write_text("second")
    store.keep(tmp_path / "x")
    assert store.fetch("x", tmp_path / "y")
    assert (tmp_path / "y").read_text() == "first"
    assert not store.fetch("z", tmp_path / "y")


def test_what_is_there_is_not_sent_again(tmp_path: Path) -> None:
    (tmp_path / "x").write_text("first")
    with mock_aws():
        session = boto3.Session("testing", "testing", region_name="us-east-1")
        session.client("s3").create_bucket(Bucket=BUCKET)
        store = S3Artifacts(session, BUCKET, "dags/")
        sent: list[str] = []
        store._client.meta.events.register("before-call.s3.PutObject", lambda **_: sent.append("put"))
        store.keep(tmp_path / "x")
        store.keep(tmp_path / "x")
        assert sent == ["put"]
        # A caller with permission to write and not to list.
        error = ClientError({"Error": {"Code": "403", "Message": "Forbidden"}}, "HeadObject")
        store._client.meta.events.register("before-call.s3.HeadObject", lambda **_: _raise(error))
        store.keep(tmp_path / "x")
    assert sent == ["put", "put"]


def _raise(error: Exception) -> None:
    raise error


def leave_out(_archive: Path, manifest: Path, store: ArtifactStore) -> None:
    store.keep(manifest)


def other_archive(archive: Path, manifest: Path, store: ArtifactStore) -> None:
    archive.write_bytes(archive.read_bytes()[:-100])
    put(store, archive, manifest)


def other_manifest(archive: Path, manifest: Path, store: ArtifactStore) -> None:
    manifest.write_text("{")
    put(store, archive, manifest)


def manifest_of_another(archive: Path, manifest: Path, store: ArtifactStore) -> None:
    _, other, about = release.build(Tree({"b.py": File(b"B")}, Origin()), manifest.parent / "other")
    archive.write_bytes(other.read_bytes())
    manifest.write_bytes(about.read_bytes())
    put(store, archive, manifest)


@pytest.mark.parametrize(
    ("damage", "why"),
    [
        (lambda *_: None, r"is not in the store: it has no d-\w+\.json"),
        (leave_out, r"is not in the store: it has no d-\w+\.zip"),
        (other_archive, "is damaged"),
        (other_manifest, "in the store is damaged"),
        (manifest_of_another, "under the name"),
    ],
)
def test_what_is_not_whole_is_not_brought(
    store: ArtifactStore,
    made: tuple[str, Path, Path],
    tmp_path: Path,
    damage: Callable[[Path, Path, ArtifactStore], None],
    why: str,
) -> None:
    name, archive, manifest = made
    damage(archive, manifest, store)
    with pytest.raises(TradewindError, match=why):
        bring(store, name, tmp_path / "releases")
    assert list((tmp_path / "releases").iterdir()) == []


def test_a_name_that_is_none(store: ArtifactStore, tmp_path: Path) -> None:
    with pytest.raises(TradewindError, match="not the name of a DAG release"):
        bring(store, "../../etc", tmp_path)


def test_a_store_that_cannot_be_asked(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(TradewindError, match="cannot be written"):
        FolderArtifacts(tmp_path / "file" / "folder").keep(tmp_path / "file")
    with mock_aws():
        session = boto3.Session("testing", "testing", region_name="us-east-1")
        with pytest.raises(TradewindError, match="could not read from the bucket nobodys: NoSuchBucket"):
            S3Artifacts(session, "nobodys", "").fetch("x", tmp_path / "x")
