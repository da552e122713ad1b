"""What is wrong with what the user named: a ruleset that is not there, a file that is no text."""

from __future__ import annotations

from collections.abc import Sequence


class InputError(Exception):
    """Rulesets that cannot be found or read; ``messages`` has one line for each fault, all of them."""

    def __init__(self, messages: str | Sequence[str]) -> None:
        self.messages = (messages,) if isinstance(messages, str) else tuple(messages)
        super().__init__("\n".join(self.messages))
