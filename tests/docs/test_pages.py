"""The commands, links, names and paths of the pages are valid."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import blocks
import pytest
import typer
import yaml
from blocks import DOCS, EXECUTED, PAGES, ROOT, Block

from tradewind.blueprint import airflow_settings
from tradewind.cli.app import app
from tradewind.cli.planned import PLANNED
from tradewind.config import json_schema, parse

MAKEFILE = ROOT / "Makefile"
COMMANDS = [block for page in PAGES for block in blocks.commands(page)]
# Not keys of the configuration, although they begin like one.
FILE = re.compile(r"\.(py|yaml|json|md|txt|sh|log|toml|cfg|in|png)$")
SNIPPET = {
    "tenant": "acme",
    "region": "eu-west-1",
    "accounts": {"non-production": {"id": "111111111111"}},
    "environments": {"dev": {"account": "non-production", "network": {"cidr": "10.10.0.0/20"}}},
}


def _page(path: Path) -> str:
    return str(path.relative_to(ROOT))


def _parse(words: list[str]) -> None:
    """Parse a command line as the command does, without running it. The error names the mistake."""
    command: Any = typer.main.get_command(app)
    name = "tradewind"
    while hasattr(command, "commands"):
        context = command.make_context(name, list(words))
        name, command, words = command.resolve_command(context, [*context._protected_args, *context.args])
    command.make_context(name, list(words))


@pytest.mark.parametrize("block", COMMANDS, ids=lambda block: block.name)
def test_every_command_line_parses(block: Block) -> None:
    for words in block.lines("tradewind"):
        if words != ["reference"]:  # hidden
            _parse(words)


@pytest.mark.parametrize("line", [["upp"], ["scale"], ["scale", "--workers", "many"], ["up", "--dag", "x"]])
def test_a_command_line_that_is_wrong_is_found(line: list[str]) -> None:
    with pytest.raises(Exception, match=r"(?i)no such|missing|valid"):
        _parse(line)


TO_COME = {one.usage.split()[0] for one in PLANNED}


@pytest.mark.parametrize("page", PAGES, ids=_page)
def test_every_command_in_the_text_exists(page: Path) -> None:
    for code in blocks.codes(page):
        words = code.split()
        if words[:1] == ["tradewind"] and words[1:] and words[1:] != ["reference"] and words[1] not in TO_COME:
            command: Any = typer.main.get_command(app)
            for word in words[1:]:
                if not hasattr(command, "commands"):
                    break
                if not re.fullmatch(r"[a-z]+", word):
                    break
                assert word in command.commands, f"{code}: there is no {word}"
                command = command.commands[word]


@pytest.mark.skipif(not MAKEFILE.exists(), reason="there is no Makefile here")
@pytest.mark.parametrize("page", PAGES, ids=_page)
def test_every_make_target_exists(page: Path) -> None:
    targets = set(re.findall(r"(?m)^([\w-]+):(?!=)", MAKEFILE.read_text()))
    typed = [words for block in blocks.commands(page) for words in block.lines("make")]
    named = [code.split()[1:] for code in blocks.codes(page) if code.startswith("make ")]
    assert {word for words in [*typed, *named] for word in words} <= targets


@pytest.mark.parametrize("page", EXECUTED, ids=_page)
def test_the_pages_that_are_run_say_what_is_not_and_why(page: Path) -> None:
    assert blocks.commands(page)
    for block in blocks.blocks(page):
        assert block.language, f"{block.name}: say which language it is in, or `text`"
        assert block.language not in {"bash", "shell", "console"}, f"{block.name}: call it sh"
        if block.remark in {"not run", "file", "fails"}:
            assert block.detail, f"{block.name}: {block.remark}: why, or which?"


@pytest.mark.parametrize("page", PAGES, ids=_page)
def test_every_link_leads_somewhere(page: Path) -> None:
    for target in blocks.links(page):
        if re.match(r"https?://", target):
            continue
        path, _, anchor = target.partition("#")
        file = (page.parent / path).resolve() if path else page
        assert file.exists(), f"{target}: there is no such file"
        assert file.is_relative_to(ROOT), target
        if page.is_relative_to(DOCS):
            assert file.is_relative_to(DOCS), f"{target} is not on the site"
        if anchor:
            assert anchor in blocks.anchors(file), f"{target}: there is no such heading"


@pytest.mark.parametrize("page", PAGES, ids=_page)
def test_every_key_of_the_configuration_exists(page: Path) -> None:
    root = set(json_schema.strict()["properties"]) - {"defaults"}
    for code in blocks.codes(page):
        if not re.fullmatch(r"[a-z_]+(\.([a-z_-]+|<name>))+", code) or FILE.search(code):
            continue
        if code.split(".")[0] in root:
            assert json_schema.at(tuple(code.split("."))), f"{code} is no key"


def test_a_key_that_does_not_exist_is_found() -> None:
    assert json_schema.at(("local", "ports", "web"))
    assert json_schema.at(("environments", "<name>", "workers", "<name>", "max_task_hours"))
    assert not json_schema.at(("local", "ports", "wbe"))


@pytest.mark.parametrize("page", PAGES, ids=_page)
def test_every_setting_of_airflow_is_one_that_is_set(page: Path) -> None:
    config = parse((ROOT / "examples/large/tradewind.yaml").read_text())
    ours = {f"{s.section}.{s.key}" for s in airflow_settings(config.environment("prod"))}
    # `database`, `triggerer` and others are groups of the configuration as well.
    sections = {name.split(".")[0] for name in ours} - set(json_schema.at(("environments", "<name>"))["properties"])
    for code in blocks.codes(page):
        if re.fullmatch(r"[a-z_]+\.[a-z_]+", code) and not FILE.search(code) and code.split(".")[0] in sections:
            assert code in ours, f"{code} is not set"


def _snippets() -> list[Block]:
    return [block for page in EXECUTED for block in blocks.blocks(page) if block.language == "yaml"]


@pytest.mark.parametrize("block", _snippets(), ids=lambda block: block.name)
def test_every_piece_of_a_configuration_is_valid(block: Block) -> None:
    data = yaml.safe_load(block.text) or {}
    if set(data) <= set(json_schema.strict()["properties"]):
        whole = {**SNIPPET, **data}
    else:
        dev = SNIPPET["environments"]["dev"]  # type: ignore[index]
        whole = {**SNIPPET, "environments": {"dev": {**dev, **data}}}
    parse(yaml.safe_dump(whole))


@pytest.mark.parametrize("page", PAGES, ids=_page)
def test_nothing_of_this_machine_is_in_a_page(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    assert str(ROOT) not in text
    assert not re.search(r"/(home|root|Users|tmp)/\w", text)


def test_every_page_of_the_site_is_in_its_navigation() -> None:
    named = set(re.findall(r'"([\w/-]+\.md)"', (ROOT / "zensical.toml").read_text()))
    assert named == {str(path.relative_to(DOCS)) for path in DOCS.rglob("*.md")}
