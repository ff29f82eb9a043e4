"""The command line: one file per command, and the only place that parses arguments and prints."""

from __future__ import annotations

import sys

from tradewind.cli import terminal
from tradewind.errors import ExitCode, TradewindError


def main() -> None:
    """Entry point of the ``tradewind`` command: runs it and turns errors into a message and an exit code."""
    from tradewind.cli.app import app

    try:
        app()
    except TradewindError as error:
        terminal.fail(error)
        sys.exit(error.code)
    except KeyboardInterrupt:
        terminal.say("interrupted")
        sys.exit(ExitCode.INTERRUPTED)
    except BrokenPipeError:
        # The reader (head, less) has gone. Nothing is wrong, and there is nobody to tell.
        sys.stderr.close()
        sys.exit(ExitCode.OK)
