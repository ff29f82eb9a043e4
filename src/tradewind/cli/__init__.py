"""The command line: one file per command, and the only place that parses arguments and prints."""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NoReturn

import typer

from tradewind.cli import terminal, usage
from tradewind.errors import ExitCode, TradewindError


def main() -> None:
    """Entry point of the ``tradewind`` command: runs it and turns errors into a message and an exit code."""
    from tradewind.cli.app import app

    if signal.getsignal(signal.SIGTERM) is signal.SIG_DFL:
        signal.signal(signal.SIGTERM, _interrupt)  # Jenkins ends what it aborts so: nothing stays behind either
    try:
        sys.exit(app(standalone_mode=False))
    except typer.TyperException as error:
        if error.format_message().startswith("Usage:"):  # a group without a command
            terminal.say(error.format_message())
            sys.exit(ExitCode.USAGE)
        fault = usage.explained(error, sys.argv[1:])
        terminal.fail(fault)
        sys.exit(fault.code)
    except typer.Abort:
        terminal.say("interrupted")
        sys.exit(ExitCode.INTERRUPTED)
    except TradewindError as error:
        terminal.fail(error)
        sys.exit(error.code)
    except BrokenPipeError:
        # The reader (head, less) has ended. Nothing is wrong, and no reader is left for a message.
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
    """Turn AWS's errors into ours, where AWS was asked. ``what`` completes the sentence 'could not …'."""
    try:
        yield
    except Exception as error:
        found = _of_aws(error, what)
        if found is None:
            raise
        raise found from None


def _of_aws(error: Exception, what: str = "") -> TradewindError | None:
    """What AWS said while a release went on; None for any other error. boto3 is there only where AWS was asked."""
    if "botocore" not in sys.modules:
        return None
    from botocore.exceptions import BotoCoreError, ClientError

    from tradewind.aws.explained import explained as explain

    if not isinstance(error, BotoCoreError | ClientError):
        return None
    return explain(error, what or f"ask AWS for {getattr(error, 'operation_name', 'that')}")
