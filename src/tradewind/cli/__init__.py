"""The command line: one file per command, and the only place that parses arguments and prints."""

from __future__ import annotations

import signal
import sys
from typing import NoReturn

from tradewind.cli import terminal
from tradewind.errors import ExitCode, TradewindError


def main() -> None:
    """Entry point of the ``tradewind`` command: runs it and turns errors into a message and an exit code."""
    from tradewind.cli.app import app

    if signal.getsignal(signal.SIGTERM) is signal.SIG_DFL:
        signal.signal(signal.SIGTERM, _interrupt)  # Jenkins ends what it aborts so: nothing stays behind either
    try:
        app()
    except TradewindError as error:
        terminal.fail(error)
        sys.exit(error.code)
    except BrokenPipeError:
        # The reader (head, less) has gone. Nothing is wrong, and there is nobody to tell.
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


def _of_aws(error: Exception) -> TradewindError | None:
    """What AWS said while a release went on; None for any other error. boto3 is there only where AWS was asked."""
    if "botocore" not in sys.modules:
        return None
    from botocore.exceptions import BotoCoreError, ClientError

    from tradewind.aws import explained

    if not isinstance(error, BotoCoreError | ClientError):
        return None
    return explained(error, f"ask AWS for {getattr(error, 'operation_name', 'that')}")
