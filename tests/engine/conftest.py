"""Tests of what the kernels make run with every implementation that is installed."""

from __future__ import annotations

import errno
import io
import tempfile
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest

from flowrules.engine.kernels import Kernels, NumpyKernels, use
from flowrules.engine.kernels.choice import choose

WITH_ALL = {"test_against_oracle", "test_cells", "test_dictionaries", "test_exact_sums", "test_same_bytes"}


def installed() -> list[Kernels]:
    """All kernels that can be had here."""
    if find_spec("numba") is None:
        return [NumpyKernels()]
    choice = choose("compiled")
    assert choice.note is None, choice.note
    return [NumpyKernels(), choice.kernels]


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if metafunc.module.__name__.rpartition(".")[2] in WITH_ALL:
        metafunc.parametrize("kernels_in_use", installed(), indirect=True, ids=lambda k: k.name)


@pytest.fixture(scope="module", autouse=True)
def kernels_in_use(request: pytest.FixtureRequest) -> Iterator[None]:
    chosen = getattr(request, "param", None)
    before = use(chosen or NumpyKernels())
    yield
    use(before)


@pytest.fixture
def scratch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of temporary files, of which the test's own are the only ones."""
    folder = tmp_path / "scratch"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


@pytest.fixture
def files_made(scratch: Path, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Has an entry for each temporary file that is made."""
    made: list[int] = []
    real = tempfile.TemporaryFile
    monkeypatch.setattr(tempfile, "TemporaryFile", lambda **kw: made.append(1) or real(**kw))
    return made


@pytest.fixture(params=[errno.ENOSPC, errno.EDQUOT])
def full_disk(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Temporary files take nothing."""

    class Full(io.BytesIO):
        def write(self, _: object) -> int:
            raise OSError(request.param, "no room")

    monkeypatch.setattr(tempfile, "TemporaryFile", lambda **_: Full())
