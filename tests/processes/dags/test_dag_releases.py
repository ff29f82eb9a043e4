"""DAG releases: the same files give the same bytes, and one error names all files that cannot be shipped."""

from __future__ import annotations

import json
import os
import subprocess
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tradewind.dag_releases.manifest import DagRelease, Origin
from tradewind.dag_releases.shared_folder import check
from tradewind.dags import source
from tradewind.dags.build import describe, make, pack, write
from tradewind.dags.source import Commit, Folder, Source, source_of
from tradewind.dags.tree import File, Limits, Tree, collect
from tradewind.errors import TradewindError

WHEN = "2026-01-01T00:00:00+00:00"


def git(folder: Path, *arguments: str) -> str:
    settings_ = ("-c", "user.name=Ada", "-c", "user.email=ada@example.org", "-c", "commit.gpgsign=false")
    result = subprocess.run(["git", "-C", str(folder), *settings_, *arguments], capture_output=True, check=True)
    return result.stdout.decode().strip()


def fill(folder: Path, **files: str) -> Path:
    for name, text in files.items():
        path = folder / name.replace("__", "/").replace("_py", ".py")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A repository with one commit, and the DAGs in one of its folders."""
    folder = tmp_path / "repository"
    fill(folder, README="hello", dags__a_py="import lib.b\n", dags__lib__b_py="B = 1\n")
    (folder / "dags" / "run.sh").write_text("#!/bin/sh\n")
    (folder / "dags" / "run.sh").chmod(0o755)
    git(tmp_path, "init", "--quiet", str(folder))
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--message", "first")
    return folder


def test_a_commit_and_its_checkout_are_the_same_release(repository: Path, tmp_path: Path) -> None:
    dags = repository / "dags"
    committed = source_of(dags)
    copied = tmp_path / "copy"
    subprocess.run(["cp", "-r", str(dags), str(copied)], check=True)
    plain = source_of(copied)

    one, other = describe(collect(committed), WHEN), describe(collect(plain), WHEN)

    assert isinstance(committed, Commit)
    assert isinstance(plain, Folder)
    assert one.id == other.id
    assert list(one.files) == ["a.py", "lib/b.py", "run.sh"]
    assert one.files["run.sh"].executable
    assert not one.files["a.py"].executable
    assert one.origin.commit == git(repository, "rev-parse", "HEAD")
    assert (one.origin.dirty, one.origin.author, one.origin.subject) == (False, "Ada <ada@example.org>", "first")
    assert (other.origin.commit, other.origin.dirty) == (None, True)
    assert one.imports == {"a.py": ("lib/b.py",)}


def test_a_folder_that_its_repository_ignores_is_a_plain_folder(repository: Path) -> None:
    (repository / ".gitignore").write_text("own\n")
    fill(repository / "own" / "dags", c_py="C = 1\n")
    source = source_of(repository / "own" / "dags")
    assert source.origin() == Origin(dirty=True)
    assert list(collect(source).files) == ["c.py"]


def test_a_tree_that_a_release_was_made_of_is_not_read_again(
    repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[Source] = []
    monkeypatch.setattr("tradewind.dags.build.collect", lambda source: read.append(source) or collect(source))
    made, dags = tmp_path / "made", repository / "dags"
    first, archive, manifest = make(source_of(dags), made)
    (repository / "README").write_text("another commit, and the same DAG files")
    git(repository, "commit", "--quiet", "--all", "--message", "second")
    assert make(source_of(dags), made) == (first, archive, manifest)
    assert len(read) == 1
    for damage in (
        lambda: archive.write_bytes(b"x"),
        manifest.unlink,
        archive.unlink,
        made.joinpath(".made.json").unlink,
    ):
        damage()
        assert make(source_of(dags), made)[0].files == first.files
        check(first, archive)
    assert len(read) == 5
    (dags / "a.py").write_text("changed\n")
    assert make(source_of(dags), made)[0].id != first.id
    assert make(source_of(dags, "HEAD"), made)[0].id == first.id
    assert len(read) == 6


def test_what_was_changed_is_released_and_marked(repository: Path) -> None:
    dags = repository / "dags"
    (repository / ".gitignore").write_text("*.log\n")
    git(repository, "add", "--all")
    git(repository, "commit", "--quiet", "--message", "second")
    fill(dags, new_py="N = 1\n")
    (dags / "noise.log").write_text("x")
    (dags / "lib" / "b.py").unlink()

    release = describe(collect(source_of(dags)), WHEN)

    assert list(release.files) == ["a.py", "new.py", "run.sh"]
    assert release.origin.dirty
    assert release.origin.commit == git(repository, "rev-parse", "HEAD")


def test_a_change_elsewhere_in_the_repository_does_not_matter(repository: Path) -> None:
    (repository / "README").write_text("changed")

    assert isinstance(source_of(repository / "dags"), Commit)


def test_an_older_commit_can_be_released(repository: Path) -> None:
    before = describe(collect(source_of(repository / "dags")), WHEN)
    (repository / "dags" / "a.py").write_text("changed\n")
    git(repository, "commit", "--quiet", "--all", "--message", "second")

    assert describe(collect(source_of(repository / "dags")), WHEN).id != before.id
    assert describe(collect(source_of(repository / "dags", "HEAD~1")), WHEN).id == before.id


@pytest.mark.parametrize("ref", ["nothing", "--output=x", "HEAD:dags", "", "a b"])
def test_what_is_no_commit(repository: Path, ref: str) -> None:
    with pytest.raises(TradewindError, match="there is no commit"):
        source_of(repository, ref)


def test_a_folder_that_the_commit_does_not_have(repository: Path) -> None:
    fill(repository, later__x_py="1")

    with pytest.raises(TradewindError, match="git ls-tree failed"):
        collect(source_of(repository / "later", "HEAD"))


def test_a_repository_cannot_have_its_own_programs_run(repository: Path, tmp_path: Path) -> None:
    trap = tmp_path / "trap"
    trap.write_text(f"#!/bin/sh\ntouch {tmp_path}/sprung\n")
    trap.chmod(0o755)
    git(repository, "config", "core.fsmonitor", str(trap))
    git(repository, "config", "core.hooksPath", str(tmp_path))

    collect(source_of(repository / "dags"))

    assert not (tmp_path / "sprung").exists()


def test_the_archive_is_the_same_bytes_and_holds_the_files(repository: Path, tmp_path: Path) -> None:
    tree = collect(source_of(repository / "dags"))
    release = describe(tree, WHEN)

    archive, manifest = write(release, tree, tmp_path / "one")
    other, _ = write(release, Tree(dict(reversed(tree.files.items()))), tmp_path / "two")

    assert archive.read_bytes() == other.read_bytes()
    assert archive.name == f"{release.id}.zip"
    assert DagRelease.from_dict(json.loads(manifest.read_text())) == release
    with zipfile.ZipFile(archive) as opened:
        assert {name: opened.read(name) for name in opened.namelist()} == {p: f.content for p, f in tree.files.items()}
        assert opened.getinfo("run.sh").external_attr >> 16 == 0o100755
    assert sorted(path.name for path in archive.parent.iterdir()) == [manifest.name, archive.name]


def test_a_release_that_is_there_stays_as_it_is(repository: Path, tmp_path: Path) -> None:
    tree = collect(source_of(repository / "dags"))
    _, manifest = write(describe(tree, WHEN), tree, tmp_path)
    before = manifest.stat().st_ino

    write(describe(tree, "2027-01-01T00:00:00+00:00"), tree, tmp_path)

    assert manifest.stat().st_ino == before


def test_a_full_disk_leaves_nothing_behind(repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tree = collect(source_of(repository / "dags"))

    def full(tree: Tree, path: Path) -> None:
        path.write_bytes(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("tradewind.dags.build.pack", full)
    with pytest.raises(OSError, match="No space left"):
        write(describe(tree, WHEN), tree, tmp_path / "to")
    assert list((tmp_path / "to").iterdir()) == []


@pytest.mark.parametrize(
    "damage",
    [
        lambda d: d["files"].pop("a.py"),
        lambda d: d["files"].update({"b.py": d["files"]["a.py"]}),
        lambda d: d["files"]["a.py"].__setitem__(0, "0" * 64),
        lambda d: d["dags"].update({"../../elsewhere.py": ["a"]}),
        lambda d: d["imports"].update({"a.py": ["/etc/passwd"]}),
        lambda d: d["dynamic"].append("x.py"),
        lambda d: d.pop("files"),
        lambda d: d.update(files=3),
        lambda d: d.update(id="d-0"),
    ],
)
def test_a_damaged_manifest_is_noticed(repository: Path, damage: Callable[[dict[str, object]], object]) -> None:
    document = json.loads(json.dumps(describe(collect(source_of(repository / "dags")), WHEN).as_dict()))
    damage(document)

    with pytest.raises(TradewindError, match="manifest"):
        DagRelease.from_dict(document)


def refusal(folder: Path, limits: Limits | None = None) -> str:
    with pytest.raises(TradewindError) as caught:
        collect(source_of(folder), limits or Limits())
    return str(caught.value)


def test_links_inside_the_folder_become_what_they_lead_to(tmp_path: Path) -> None:
    fill(tmp_path, lib__a_py="A", lib__deep__b_py="B")
    (tmp_path / "one.py").symlink_to("lib/a.py")
    (tmp_path / "two").symlink_to("lib/deep")
    (tmp_path / "three").symlink_to("two/../../lib")
    (tmp_path / "lib" / "back.py").symlink_to("../one.py")

    tree = collect(source_of(tmp_path))

    assert {path: file.content for path, file in tree.files.items()} == {
        "lib/a.py": b"A",
        "lib/back.py": b"A",
        "lib/deep/b.py": b"B",
        "one.py": b"A",
        "three/a.py": b"A",
        "three/back.py": b"A",
        "three/deep/b.py": b"B",
        "two/b.py": b"B",
    }


def test_everything_that_cannot_be_shipped_is_told_at_once(tmp_path: Path) -> None:
    fill(tmp_path, fine_py="1")
    (tmp_path / "out").symlink_to("../elsewhere")
    (tmp_path / "away").symlink_to("/etc/passwd")
    (tmp_path / "nowhere").symlink_to("missing")
    (tmp_path / "round").symlink_to("round")
    (tmp_path / "here").symlink_to(".")

    said = refusal(tmp_path)

    assert "out: a link that leaves the folder ('../elsewhere')" in said
    assert "away: a link that leaves the folder ('/etc/passwd')" in said
    assert "nowhere: a broken link ('missing')" in said
    assert "round: a loop, or a chain of more than 40 links" in said
    assert "here: a loop, or a chain of more than 40 links" in said


def test_names_that_do_harm_elsewhere(tmp_path: Path) -> None:
    for name in (b"caf\xe9.py", b"line\nbreak.py", b"back\\slash.py", b"escape\x1b[2J.py"):
        (tmp_path / os.fsdecode(name)).write_text("1")
    os.mkfifo(tmp_path / "pipe")

    said = refusal(tmp_path)

    assert r"b'caf\xe9.py': its name is not UTF-8" in said
    assert said.count("a name with a backslash or with unprintable characters") == 3
    assert "\x1b" not in said
    assert "pipe: neither a file nor a link" in said


def test_a_name_of_255_bytes_is_no_problem(tmp_path: Path) -> None:
    name = "é" * 126 + ".py"
    (tmp_path / name).write_text("1")

    assert list(collect(source_of(tmp_path)).files) == [name]


def test_what_is_too_much(tmp_path: Path) -> None:
    fill(tmp_path, a_py="x" * 11, b_py="y" * 8, c_py="z" * 8)
    (tmp_path / "again").mkdir()
    (tmp_path / "again" / "a").symlink_to("../b.py")

    assert "a.py: 0 MB; the limit is 0 MB" in refusal(tmp_path, Limits(file_size=10))
    assert "all files together" in refusal(tmp_path, Limits(size=20))
    assert "there are 4 files; the limit is 3" in refusal(tmp_path, Limits(files=3))
    assert "a path of" in refusal(tmp_path, Limits(path_length=5))


def test_links_that_multiply_are_stopped(tmp_path: Path) -> None:
    """Each folder has two links to the next one. Following all links would find 2 to the power of 30 files."""
    for number in range(30):
        (tmp_path / f"f{number}").mkdir()
        for name in ("x", "y"):
            (tmp_path / f"f{number}" / name).symlink_to(f"../f{number + 1}")
    fill(tmp_path, f30__a_py="1")

    assert "files" in refusal(tmp_path, Limits(files=1000))


def test_a_pointer_of_lfs_is_not_its_file(tmp_path: Path) -> None:
    fill(tmp_path, data="version https://git-lfs.github.com/spec/v1\noid sha256:0\n", a_py="1")

    assert "data: a Git LFS pointer, not the file itself" in refusal(tmp_path)


def test_a_submodule_is_refused(repository: Path) -> None:
    git(repository, "-c", "protocol.file.allow=always", "submodule", "add", "--quiet", str(repository), "dags/sub")
    git(repository, "commit", "--quiet", "--message", "a submodule")

    assert "sub: a submodule" in refusal(repository / "dags")


def test_a_file_that_changes_while_it_is_read(tmp_path: Path) -> None:
    fill(tmp_path, a_py="1")
    folder = Folder(tmp_path)
    found = folder.found()
    (tmp_path / "a.py").write_text("longer")

    with pytest.raises(TradewindError, match="changed while it was read"):
        list(folder.read(found))
    (tmp_path / "a.py").unlink()
    (tmp_path / "a.py").symlink_to("/etc/passwd")
    with pytest.raises(TradewindError, match="cannot be read"):
        list(folder.read(found))


def test_nothing_to_release(tmp_path: Path) -> None:
    assert "there are no files to release" in refusal(tmp_path)
    assert "there is no folder" in refusal(tmp_path / "missing")


def test_without_git(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(source, "_GIT", ("no-such-program",))

    assert "git is not installed" in refusal(tmp_path)


PATHS = st.from_regex(r"[a-z]{1,3}(/[a-z]{1,3}){0,2}\.py", fullmatch=True)


@settings(max_examples=50)
@given(st.dictionaries(PATHS, st.binary(max_size=20), min_size=1, max_size=6))
def test_any_files_come_back_from_their_archive(
    tmp_path_factory: pytest.TempPathFactory, files: dict[str, bytes]
) -> None:
    path = tmp_path_factory.mktemp("any") / "archive.zip"

    pack(Tree({name: File(content) for name, content in files.items()}), path)

    with zipfile.ZipFile(path) as archive:
        assert archive.testzip() is None
        assert {name: archive.read(name) for name in archive.namelist()} == files
