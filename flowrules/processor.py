"""What numpy is to leave out on this processor, told before it is loaded.

On AMD's family 19h (Zen 4) numpy's AVX-512 sorts take four to six times as long as its AVX2 sorts: they store what they
compress, which these processors do in microcode.  1,048,576 numbers of 64 bits took 51 ns each, and 11 without AVX-512.
"""

from __future__ import annotations

import os
import re
from importlib.util import find_spec
from pathlib import Path
from typing import Final

VARIABLE: Final = "NPY_DISABLE_CPU_FEATURES"

_CPUINFO: Final = Path("/proc/cpuinfo")
_FAMILY: Final = re.compile(
    rb"^vendor_id\s*: AuthenticAMD$.*?^cpu family\s*: 25$.*?^flags\s*:.*\bavx512f\b", re.MULTILINE | re.DOTALL
)
_VERSION: Final = re.compile(r"^version = \"((\d+)\.(\d+)[^\"]*)\"", re.MULTILINE)
_PORTABLE: Final = re.compile(r"^Tag: .*-(manylinux|musllinux)", re.MULTILINE)


def choose_sorting() -> None:
    """Have numpy sort without AVX-512 where that is slower; what the environment says already wins."""
    if VARIABLE not in os.environ and (features := slow_features()):
        os.environ[VARIABLE] = features


def slow_features(cpuinfo: Path = _CPUINFO) -> str:
    """numpy's names of the instructions with which it sorts more slowly here; empty where there are none."""
    try:
        with cpuinfo.open("rb") as file:
            first = file.read(4096).partition(b"\n\n")[0]
    except OSError:
        return ""
    return _names() if _FAMILY.search(first) else ""


def _names() -> str:
    """The names in the numpy at hand, which warns of those that it does not know.

    None for a numpy that was built for this processor: one that cannot do without them does not start when told to.  The
    wheels of PyPI can.
    """
    spec = find_spec("numpy")
    if spec is None or spec.origin is None:
        return ""
    folder = Path(spec.origin).parent
    try:
        found = _VERSION.search((folder / "version.py").read_text())
        wheel = "" if found is None else (folder.parent / f"numpy-{found[1]}.dist-info" / "WHEEL").read_text()
    except OSError:
        return ""
    if found is None or not _PORTABLE.search(wheel):
        return ""
    return "X86_V4 AVX512_ICL" if (int(found[2]), int(found[3])) >= (2, 4) else "AVX512_SKX AVX512_ICL"
