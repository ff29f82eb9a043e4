"""The tables of inputs and outputs in the READMEs of modules and stacks, generated from the code.

``python tests/terraform/readme.py`` writes them. A test fails if a table is out of date.
"""

from __future__ import annotations

import re
import textwrap
from pathlib import Path

TERRAFORM = Path(__file__).resolve().parents[2] / "terraform"
INPUTS, OUTPUTS = "<!-- inputs -->", "<!-- outputs -->"
_BLOCK = r'^{kind} "(\w+)" \{{\n(.*?)^\}}'
_TEXT = re.compile(r'^  description = (?:"(?P<line>(?:[^"\\]|\\.)*)"|<<-EOT\n(?P<lines>.*?)^\s*EOT)', re.M | re.S)
_VALUE = re.compile(r"^  (?P<name>type|default)\s+= (?P<value>.*)$", re.M)


def readmes() -> list[Path]:
    """The READMEs that have tables."""
    return sorted(path for path in TERRAFORM.glob("*/*/README.md") if INPUTS in path.read_text())


def rendered(readme: Path) -> str:
    """A README with its tables generated from the code beside it."""
    text = readme.read_text()
    above = text[: text.index(INPUTS)]
    return f"{above}{INPUTS}\n{_inputs(readme.parent)}{OUTPUTS}\n{_outputs(readme.parent)}"


def _inputs(folder: Path) -> str:
    rows = ["", "## Inputs", "", "| name | type | default | meaning |", "|---|---|---|---|"]
    for name, body in _blocks(folder / "variables.tf", "variable"):
        values = {match["name"]: match["value"] for match in _VALUE.finditer(body)}
        kind = re.sub(r"[({].*", "", values["type"]) if values["type"].endswith("{") else values["type"]
        default = f"`{values['default']}`" if "default" in values else "required"
        default = "see the code" if default.endswith(("{`", "[`")) else default
        rows.append(f"| `{name}` | `{kind}` | {default} | {_meaning(body)} |")
    return "\n".join([*rows, "", ""])


def _outputs(folder: Path) -> str:
    rows = ["", "## Outputs", "", "| name | meaning |", "|---|---|"]
    file = folder / "outputs.tf"
    blocks = _blocks(file if file.exists() else folder / "main.tf", "output")
    return "\n".join([*rows, *(f"| `{name}` | {_meaning(body)} |" for name, body in blocks), ""])


def _blocks(file: Path, kind: str) -> list[tuple[str, str]]:
    return re.findall(_BLOCK.format(kind=kind), file.read_text(), re.M | re.S)


def _meaning(body: str) -> str:
    match = _TEXT.search(body)
    if match is None:
        raise ValueError(f"no description in: {body}")
    text = match["line"] if match["line"] is not None else " ".join(textwrap.dedent(match["lines"]).split())
    return text.replace('\\"', '"').replace("|", "\\|").replace("<", "&lt;")


if __name__ == "__main__":
    for path in readmes():
        path.write_text(rendered(path))
