"""What all tests share: golden files, regenerated with ``--update-golden`` and reviewed as diffs."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import settings

# a busy machine is no fault of the code: examples have no time limit, and are the same in every run
settings.register_profile("flowrules", deadline=None, derandomize=True)
settings.load_profile("flowrules")

# a user's cache is neither read nor written by tests
os.environ.setdefault("XDG_CACHE_HOME", str(Path(tempfile.gettempdir()) / f"flowrules-tests-{os.getuid()}"))


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--update-golden", action="store_true", help="write golden files instead of comparing")


@pytest.fixture
def golden(request: pytest.FixtureRequest) -> Callable[[Path, str], None]:
    """Compares a text with a golden file, or writes the file with ``--update-golden``."""

    def compare(path: Path, text: str) -> None:
        if request.config.getoption("--update-golden"):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8", newline="\n")
            return
        assert path.exists(), f"{path} is missing: run pytest with --update-golden and review it"
        assert text == path.read_text(encoding="utf-8")

    return compare
