"""``tradewind diagram``: a picture of an environment."""

from __future__ import annotations

from tradewind.cli import options, terminal
from tradewind.cli.options import LOCAL, EnvOrHere, File


def diagram(environment: EnvOrHere = LOCAL, file: File = None) -> None:
    """Draw the network and the services of an environment, as SVG."""
    from tradewind.operations.diagram import svg

    terminal.data(svg(options.described(file, environment)).rstrip("\n"))
