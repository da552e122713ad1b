"""Where the reference data lies that other programs made, when it is there."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

ROOT = Path(os.environ.get("FLOWRULES_REFERENCE", Path(__file__).resolve().parent.parent.parent / "shared"))


def shared(*parts: str) -> Path:
    """The path of a reference file or folder; skips the test, saying so, where it is absent."""
    path = ROOT.joinpath(*parts)
    if not path.exists():
        pytest.skip(f"reference data {'/'.join(parts)} is not here (set FLOWRULES_REFERENCE)")
    return path
