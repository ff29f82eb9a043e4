"""Reading a Dockerfile: the sources of an image, and that only they change its name."""

from __future__ import annotations

import ast
import re
import shutil
from pathlib import Path

import pytest

from tradewind.blueprint import Component, services
from tradewind.config import load
from tradewind.errors import TradewindError
from tradewind.images.context import DOCKERFILE, Context
from tradewind.images.dockerfile import Recipe

ROOT = Path(__file__).parents[3]

TEXT = """\
# a remark
ARG BASE=python
FROM ${BASE} AS base

FROM base AS tools
COPY build/ lock.txt /build/
RUN /build/install \\
    # between two lines
    --quiet

FROM scratch AS runtime
COPY --from=tools /opt /opt

FROM runtime AS worker
COPY worker.txt /

FROM runtime AS flower
COPY flower.txt /
"""


def read(files: dict[str, bytes]) -> object:
    return lambda name: [(path, content) for path, content in sorted(files.items()) if path.startswith(name)]


FILES = {"build/install": b"1", "lock.txt": b"2", "worker.txt": b"3", "flower.txt": b"4", "README": b"5"}
GIVEN = {"base": "sha256:1", "platform": "linux/amd64"}


def key(target: str, text: str = TEXT, files: dict[str, bytes] = FILES, given: dict[str, str] = GIVEN) -> str:
    return Recipe.parse(text).key(target, read(files), given)  # type: ignore[arg-type]


def test_the_stages_behind_a_target() -> None:
    recipe = Recipe.parse(TEXT)

    assert [stage.name for stage in recipe.needed("worker")] == ["base", "tools", "runtime", "worker"]
    assert recipe.files("worker") == ("build/", "lock.txt", "worker.txt")
    assert recipe.arguments == ("ARG BASE=python",)


@pytest.mark.parametrize(
    ("file", "changed"),
    [
        ("worker.txt", {"worker"}),
        ("flower.txt", {"flower"}),
        ("build/install", {"worker", "flower"}),
        ("README", set()),
    ],
)
def test_a_changed_file_changes_what_is_made_from_it(file: str, changed: set[str]) -> None:
    files = {**FILES, file: b"other"}

    assert {target for target in ("worker", "flower") if key(target, files=files) != key(target)} == changed


def test_a_renamed_file_is_another_content() -> None:
    files = {name: content for name, content in FILES.items() if name != "build/install"} | {"build/insta11": b"1"}

    assert key("worker", files=files) != key("worker")


@pytest.mark.parametrize("given", [{**GIVEN, "base": "sha256:2"}, {**GIVEN, "platform": "linux/arm64"}])
def test_another_base_or_platform_is_another_content(given: dict[str, str]) -> None:
    assert key("worker", given=given) != key("worker")


def test_an_instruction_changes_it_and_a_remark_does_not() -> None:
    assert key("worker", TEXT.replace("--quiet", "--loud")) != key("worker")
    assert key("worker", TEXT.replace("a remark", "another")) == key("worker")
    assert key("worker", TEXT.replace("COPY flower.txt /", "COPY flower.txt /opt")) == key("worker")


@pytest.mark.parametrize(
    "text",
    ["FROM python\n", "FROM a AS b\nADD x /\n", 'FROM a AS b\nCOPY ["a b", "/"]\n'],
)
def test_what_it_does_not_know_is_an_error(text: str) -> None:
    with pytest.raises(TradewindError):
        Recipe.parse(text)


# -- our own ------------------------------------------------------------------------------------------------------


@pytest.fixture
def recipe() -> Recipe:
    return Recipe.parse((ROOT / DOCKERFILE).read_text())


@pytest.fixture
def context() -> Context:
    return Context.of(ROOT, None, None)


@pytest.mark.parametrize("component", Component)
def test_every_component_has_an_image_and_all_its_files_are_there(
    recipe: Recipe, context: Context, component: Component, tmp_path: Path
) -> None:
    files = recipe.files(component.value)
    context.write(tmp_path, files)

    assert (tmp_path / DOCKERFILE).is_file()
    assert all((tmp_path / file).exists() for file in files)
    # A change of the command line, of Terraform or of a document does not change the images.
    copied = {str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*.py")}
    inside = tuple(
        f"src/tradewind/{name}"
        for name in (
            *(
                "__init__.py",
                "aws/",
                "errors.py",
                "launch.py",
                "dag_releases/",
                "protocol/",
                "runtime/",
                "storage/",
                "scaling/",
                "workers/",
            ),
        )
    )
    assert all(path.startswith(inside) for path in copied)


def test_what_is_copied_imports_nothing_that_is_not(recipe: Recipe, context: Context, tmp_path: Path) -> None:
    context.write(tmp_path, recipe.files("scheduler"))
    package = tmp_path / "src/tradewind"
    rooms = {path.stem for path in package.iterdir()}
    for file in package.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            names = [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            names += [each.name for each in node.names] if isinstance(node, ast.Import) else []
            found = {name.split(".")[1] for name in names if name.startswith("tradewind.")}
            assert found <= rooms, f"{file.relative_to(tmp_path)} imports {found - rooms}, which no image has"


def test_a_wheel_has_all_that_the_dockerfile_copies(recipe: Recipe, tmp_path: Path) -> None:
    """The modules come from the installed package, which also contains the other copied files."""
    package, carried = tmp_path / "tradewind", tmp_path / "tradewind/images/context"
    shutil.copytree(ROOT / "src/tradewind", package, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(ROOT / "images", carried / "images")
    for name in ("pyproject.toml", "LICENSE", "requirements/build.txt"):
        (carried / name).parent.mkdir(exist_ok=True)
        shutil.copy(ROOT / name, carried / name)
    installed = Context.installed(package, {})
    for component in Component:
        installed.write(tmp_path / component.value, recipe.files(component.value))
    assert (tmp_path / "scheduler/src/tradewind/workers/pool.py").is_file()


def test_flower_has_no_airflow(recipe: Recipe) -> None:
    assert not [file for file in recipe.files("flower") if "airflow" in file or "src" in file]
    assert "apache-airflow" not in (ROOT / "images/requirements/flower.txt").read_text()


def test_only_builders_see_secrets(recipe: Recipe) -> None:
    shipped = {stage.name for c in Component for stage in recipe.needed(c.value)[-3:] if stage.base != "base"}
    for stage in recipe.stages.values():
        secret = any("type=secret" in instruction for instruction in stage.instructions)
        assert not (secret and stage.name in {c.value for c in Component} | {"runtime", "customer"})
    assert shipped


def test_the_customers_files_take_the_place_of_ours(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("pandas\n")
    context = Context.of(tmp_path, "mine.txt", None)

    assert list(context.read("images/customer/requirements.txt")) == [
        ("images/customer/requirements.txt -", b"pandas\n")
    ]


def test_all_missing_files_are_told(tmp_path: Path) -> None:
    with pytest.raises(TradewindError) as caught:
        Context.of(tmp_path, "one.txt", "two.txt")

    assert "images.requirements: there is no file" in caught.value.why
    assert "images.packages: there is no file" in caught.value.why


def pins(path: Path) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for line in path.read_text().splitlines():
        if line and not line.startswith((" ", "#")):
            name, _, version = line.partition(" ")[0].partition("==")
            found.setdefault(name, set()).add(version)
    return found


@pytest.mark.parametrize("image", ["airflow", "flower"])
def test_images_hold_the_versions_that_are_tested(image: str) -> None:
    tested = pins(ROOT / "requirements/local.txt")
    shipped = pins(ROOT / f"images/requirements/{image}.txt")

    assert {n: versions for n, versions in shipped.items() if n in tested and not versions <= tested[n]} == {}
    assert {"celery", "dumb-init", "redis"} <= set(shipped)


def test_every_program_that_a_service_runs_is_in_the_images() -> None:
    copied = re.findall(r"src/tradewind/[\w./]+", (ROOT / "images/Dockerfile").read_text())
    programs = {
        word.replace(".", "/")
        for service in services(load(ROOT / "examples/large/tradewind.yaml").environment("prod"))
        for word in service.command
        if word.startswith("tradewind.")
    }
    assert len(programs) > 5
    missing = {p for p in programs if not any(f"src/{p}.py".startswith(c) or f"src/{p}/".startswith(c) for c in copied)}
    assert missing == set()
