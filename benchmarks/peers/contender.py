"""What every contender does: says whether it can answer, loads, answers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, ClassVar

from attrs import define

from benchmarks.cases.case import Case
from benchmarks.data import Data

Answers = Mapping[str, Iterable[Any]]


@define
class Contender:
    """One contender at one case, in a process of its own.

    ``load`` brings the flows into the form that it answers from; ``answer`` answers, and may be called again;
    ``normal`` brings what it returned into tables of whole numbers, outside of all measuring.
    """

    case: Case
    data: Data
    threads: int
    scratch: Path
    """A folder for what it writes while it answers."""

    forms: ClassVar[tuple[str, ...]] = ()
    """The forms of the flows that it reads (``data.FORMS``)."""

    @classmethod
    def lacks(cls, case: Case) -> str:
        """Why it cannot take part (``polars is not installed``), or ``""``."""
        raise NotImplementedError

    @classmethod
    def prepare(cls, threads: int) -> None:
        """Say how many threads it may have: before anything is imported."""

    def load(self) -> None:
        """Bring the flows to where it answers from."""

    def answer(self) -> Any:
        """Answer the case."""
        raise NotImplementedError

    def normal(self, found: Any) -> Answers:
        """What ``answer`` returned as tables by name."""
        return found  # type: ignore[no-any-return]


def not_installed(name: str) -> str:
    """Why a package cannot be used, or ``""``."""
    from importlib.util import find_spec

    return "" if find_spec(name) else f"{name} is not installed"


NO_QUERY = "has no query for it"
