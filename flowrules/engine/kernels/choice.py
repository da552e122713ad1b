"""Which kernels a run takes, and where compiled ones are kept.

Compiled kernels need the extra ``compiled`` and about 0.3 s to load, so that ``auto`` takes them for large runs only.
Whatever keeps them from working leaves numpy's, with one line to tell the user why.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Sequence
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from attrs import frozen

from flowrules.engine.kernels.interface import Kernels
from flowrules.engine.kernels.with_numpy import NumpyKernels
from flowrules.flows.table import FlowSource
from flowrules.model.structural import Structural

CHOICES: Final = ("auto", "numpy", "compiled")

WORTH_IT: Final = 200_000_000
"""From so many records on, ``auto`` takes compiled kernels where they are installed."""

_HINT: Final = "pip install 'flowrules[compiled]'"


@frozen(eq=False, repr=False)
class Choice(Structural):
    """Kernels, and a line that says what kept others, or compiled code that was kept, from being used (``None``: nothing)."""

    kernels: Kernels
    note: str | None = None


def choose(wanted: str, sources: Sequence[FlowSource] = ()) -> Choice:
    """The kernels for a run over ``sources``; ``wanted`` is one of ``CHOICES``.

    ``auto`` needs to know how many records there are, and counts those of sources that tell.
    Raises ``ValueError`` for another word.
    """
    if wanted not in CHOICES:
        raise ValueError(f"no kernels are called {wanted!r}: there are {', '.join(CHOICES)}")
    if wanted == "numpy" or (wanted == "auto" and sum(s.records or 0 for s in sources) < WORTH_IT):
        return Choice(NumpyKernels())
    if find_spec("numba") is None:
        missing = f"compiled kernels are not installed, numpy's are used: {_HINT}"
        return Choice(NumpyKernels(), missing if wanted == "compiled" else None)
    folder, reason = cache_folder(), ""
    # whatever numba and its libraries may raise: the run goes on without what they spoil
    if folder is not None:
        try:
            return Choice(_compiled(folder))
        except Exception as error:
            reason = _reason(error)
    try:
        compiled = _compiled(None)
    except Exception as error:
        return Choice(NumpyKernels(), f"compiled kernels cannot be used, numpy's are: {_reason(error)}")
    spoilt = f"compiled again, for what {folder} keeps cannot be used (the folder may be removed): {reason}"
    return Choice(compiled, spoilt if reason else None)


def _reason(error: Exception) -> str:
    return str(error).strip().partition("\n")[0] or type(error).__name__


@cache
def _compiled(folder: Path | None) -> Kernels:
    """Compiled kernels, loaded once for a process."""
    from flowrules.engine.kernels.with_numba import CompiledKernels

    return CompiledKernels(folder)


def cache_folder() -> Path | None:
    """Where compiled code is kept: a folder of this user for this version of the kernels, made where there is none.

    ``None`` where there can be no such folder, or others could put code there: then each run compiles.
    ``NUMBA_CACHE_DIR``, ``XDG_CACHE_HOME`` and ``HOME`` are heeded, in this order.
    """
    told = os.environ.get("NUMBA_CACHE_DIR")
    own = os.environ.get("XDG_CACHE_HOME", "")
    try:
        base = Path(told) if told else Path(own) if Path(own).is_absolute() else Path.home() / ".cache"
        folder = base / "flowrules" / f"kernels-{_version()}"
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        return folder if _is_ours(folder) else None
    except (OSError, RuntimeError):
        return None


def _version() -> str:
    """A name for what is compiled: numba looks at the time and size of one file, which does not tell enough."""
    import hashlib
    import pkgutil

    texts = [pkgutil.get_data(__package__, f"{name}.py") for name in ("loops", "hashing", "with_numba")]
    return hashlib.sha256(b"".join(text or b"" for text in texts)).hexdigest()[:16]


def _is_ours(folder: Path) -> bool:
    """Whether only this user can write to a folder; systems without owners are taken at their word."""
    if not os.access(folder, os.W_OK):
        return False
    if not hasattr(os, "getuid"):
        return True
    status = folder.stat()
    return status.st_uid == os.getuid() and not status.st_mode & (stat.S_IWGRP | stat.S_IWOTH)
