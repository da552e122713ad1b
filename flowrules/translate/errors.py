"""What cannot be translated, and why."""

from __future__ import annotations


class TranslationError(Exception):
    """A pipeline that cannot be said in the language, or that SiLK itself would refuse.

    ``tool`` and ``switch`` name the place; ``hint`` says what to write instead.
    """

    def __init__(self, tool: str, switch: str, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.tool = tool
        self.switch = switch
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        place = f"{self.tool} {self.switch}".strip()
        text = f"{place}: {self.message}" if place else self.message
        return f"{text} (hint: {self.hint})" if self.hint else text
