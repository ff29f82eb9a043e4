"""``tradewind output``: addresses and names of the resources of an environment."""

from __future__ import annotations

import json

from tradewind.cli import options, terminal
from tradewind.cli.options import AsJson, Env, File


def output(
    environment: Env,
    file: File = None,
    as_json: AsJson = False,
) -> None:
    """Print the outputs of an environment: addresses, names, ARNs. Outputs contain no secrets."""
    values = options.project(file).on_aws(environment).outputs
    if as_json:
        terminal.data_json({"version": 1, "environment": environment, "outputs": dict(values)})
        return
    rows = [[name, value if isinstance(value, str) else json.dumps(value)] for name, value in sorted(values.items())]
    terminal.table(["NAME", "VALUE"], rows)
