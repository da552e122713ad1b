"""The program: runs the command line and turns whatever happens into an exit code."""

from __future__ import annotations

import atexit
import gc
import os
import sys
import threading
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from flowrules.processor import choose_sorting


def main(arguments: Sequence[str] | None = None) -> int:
    """Run ``arguments`` (``sys.argv`` without the program's name) and return the exit code.

    0 fine, 1 findings or failed tests, 2 wrong usage, ruleset or site file, 3 data unreadable or not
    written, 4 a fault of ours, 130 interrupted.  No exception leaves it.
    """
    # numpy starts a thread for linear algebra on each core, and nothing here multiplies matrices
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    choose_sorting()
    # trees, plans and results hold next to no cycles, and looking for some takes a quarter of a short command
    gc.set_threshold(200_000, 50, 100)
    try:
        _prepare_output()
        from flowrules.cli import execute

        code = execute(sys.argv[1:] if arguments is None else arguments)
        # Now, since a full disk or a closed pipe at the interpreter's end could not be told.
        sys.stdout.flush()
    except BrokenPipeError:
        # Whoever read the output has seen enough.
        _discard_output()
        return 0
    except KeyboardInterrupt:
        print("flowrules: interrupted", file=sys.stderr)
        _flush_what_can_be()
        return 130
    except Exception as error:
        from flowrules.cli.failure import report

        _flush_what_can_be()
        return report(error)
    if arguments is None:
        _end(code)
    return code


def _end(code: int) -> None:
    """End the program at once where nothing is left to do: taking all objects apart one by one is a tenth of a lint run."""
    if threading.active_count() == 1:
        atexit._run_exitfuncs()
        sys.stderr.flush()
        os._exit(code)


def _prepare_output() -> None:
    """Make standard output take any text: file names may hold bytes that are none.

    A program started without standard streams has ``None`` for them; it writes to nowhere then.
    """
    if sys.stdout is None:
        sys.stdout = Path(os.devnull).open("w")  # noqa: SIM115 - as long as the program runs
    if sys.stderr is None:
        sys.stderr = Path(os.devnull).open("w")  # noqa: SIM115 - as long as the program runs
    if hasattr(sys.stdout, "reconfigure"):
        sys.stdout.reconfigure(errors="backslashreplace")


def _flush_what_can_be() -> None:
    """Print what was said before things went wrong, above the message about it."""
    try:
        sys.stdout.flush()
    except OSError:
        _discard_output()


def _discard_output() -> None:
    """Point standard output nowhere, so that the interpreter's last flush of it succeeds."""
    # A stream that is no file of the system has no number; nothing is left in it either.
    with suppress(OSError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


if __name__ == "__main__":
    sys.exit(main())
