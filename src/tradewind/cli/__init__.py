"""The command line: one file per command. Only this package parses arguments and prints."""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NoReturn

import typer

from tradewind.cli import terminal, usage_errors
from tradewind.errors import ExitCode, TradewindError


def main() -> None:
    """Run the ``tradewind`` command, and turn errors into a message and an exit code."""
    from tradewind.cli.app import app

    if signal.getsignal(signal.SIGTERM) is signal.SIG_DFL:
        signal.signal(signal.SIGTERM, _interrupt)  # Jenkins sends it to abort a build: clean up as after Ctrl-C
    try:
        sys.exit(app(standalone_mode=False))
    except typer.TyperException as error:
        if error.format_message().startswith("Usage:"):  # a group without a command
            terminal.say(error.format_message())
            sys.exit(ExitCode.USAGE)
        fault = usage_errors.explained(error, sys.argv[1:])
        terminal.fail(fault)
        sys.exit(fault.code)
    except typer.Abort:
        terminal.say("interrupted")
        sys.exit(ExitCode.INTERRUPTED)
    except TradewindError as error:
        terminal.fail(error)
        sys.exit(error.code)
    except BrokenPipeError:
        # The reader (head, less) has ended. That is not an error, and no message would reach it.
        sys.stderr.close()
        sys.exit(ExitCode.OK)
    except Exception as error:
        found = _of_aws(error)
        if found is None:
            raise
        terminal.fail(found)
        sys.exit(found.code)
    except KeyboardInterrupt:
        terminal.say("interrupted")
        sys.exit(ExitCode.INTERRUPTED)


def _interrupt(*_: object) -> NoReturn:
    raise KeyboardInterrupt


@contextmanager
def explained(what: str) -> Iterator[None]:
    """Turn errors of AWS into TradewindError. ``what`` completes the sentence 'could not …'."""
    try:
        yield
    except Exception as error:
        found = _of_aws(error, what)
        if found is None:
            raise
        raise found from None


def _of_aws(error: Exception, what: str = "") -> TradewindError | None:
    """The TradewindError for an error of AWS; None for any other error. botocore is loaded only if AWS was called."""
    if "botocore" not in sys.modules:
        return None
    from botocore.exceptions import BotoCoreError, ClientError

    from tradewind.aws.explained import explained as explain

    if not isinstance(error, BotoCoreError | ClientError):
        return None
    return explain(error, what or f"call {getattr(error, 'operation_name', 'an operation')} of AWS")
