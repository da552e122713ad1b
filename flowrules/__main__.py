"""The program: runs the command line and turns whatever happens into an exit code."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence


def main(arguments: Sequence[str] | None = None) -> int:
    """Run ``arguments`` (``sys.argv`` without the program's name) and return the exit code.

    0 fine, 1 findings or failed tests, 2 wrong usage, ruleset or site file, 3 data unreadable or not
    written, 4 a fault of ours, 130 interrupted.  Nothing but ``SystemExit`` of the interpreter leaves it.
    """
    try:
        # A file name may hold bytes that are no text, and a terminal may not know a character.
        if hasattr(sys.stdout, "reconfigure"):
            sys.stdout.reconfigure(errors="backslashreplace")
        from flowrules.cli import run

        code = run(sys.argv[1:] if arguments is None else arguments)
        # Now, since a full disk or a closed pipe at the interpreter's end could not be told.
        sys.stdout.flush()
        return code
    except BrokenPipeError:
        _discard_output()
        return 0
    except KeyboardInterrupt:
        print("flowrules: interrupted", file=sys.stderr)
        return 130
    except Exception as error:
        from flowrules.cli.failure import report

        code = report(error)
        try:
            sys.stdout.flush()
        except OSError:
            _discard_output()
        return code


def _discard_output() -> None:
    """Point standard output nowhere, so that the interpreter's last flush of it succeeds."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


if __name__ == "__main__":
    sys.exit(main())
