"""What is wrong with a flow file, and where."""

from __future__ import annotations

import copyreg
import os
from typing import Any


class FlowFileError(Exception):
    """A file that cannot be read as flow data, or written, and the place where that shows.

    ``path`` is the file (``-`` for standard input), ``offset`` the byte or ``line`` and ``column`` the
    text position (lines count from 1, ``column`` is a column title), ``found`` and ``expected`` say what stood
    there and what should have, ``hint`` what to do, ``records_read`` how many records were good before
    that place.  ``str()`` is one line with all of it.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        message: str,
        *,
        offset: int | None = None,
        line: int | None = None,
        column: str | None = None,
        found: str | None = None,
        expected: str | None = None,
        hint: str | None = None,
        records_read: int | None = None,
    ) -> None:
        super().__init__(message)
        self.path = os.fspath(path)
        self.message = message
        self.offset = offset
        self.line = line
        self.column = column
        self.found = found
        self.expected = expected
        self.hint = hint
        self.records_read = records_read

    def __reduce__(self) -> tuple[Any, ...]:
        # other processes send it back: made anew without the constructor's arguments
        return copyreg.__newobj__, (type(self), *self.args), self.__dict__  # type: ignore[attr-defined]

    @property
    def reason(self) -> str:
        """What is wrong and where in the file, without the file's name."""
        places = []
        if self.line is not None:
            places.append(f"line {self.line}")
        if self.column is not None:
            places.append(f"column {self.column}")
        if self.offset is not None:
            places.append(f"offset {self.offset}")
        return f"{', '.join(places)}: {self._what()}" if places else self._what()

    def __str__(self) -> str:
        place = self.path
        if self.line is not None:
            place += f":{self.line}"
        if self.column is not None:
            place += f", column {self.column}"
        if self.offset is not None:
            place += f", offset {self.offset}"
        return f"{place}: {self._what()}".replace("\n", "\\n")

    def _what(self) -> str:
        text = self.message
        if self.found is not None and self.expected is not None:
            text += f": found {self.found}, expected {self.expected}"
        elif self.found is not None:
            text += f": found {self.found}"
        elif self.expected is not None:
            text += f": expected {self.expected}"
        if self.records_read is not None:
            text += f"; {self.records_read} record{'' if self.records_read == 1 else 's'} read until there"
        if self.hint is not None:
            text += f" (hint: {self.hint})"
        return text
