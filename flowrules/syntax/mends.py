"""A text that was mended to find its next mistake, and the way back from its offsets to the author's."""

from __future__ import annotations


class MendedText:
    """A piece of text, and the replacements made in it."""

    def __init__(self, text: str) -> None:
        self.text = text
        self._edits: list[tuple[int, int, int]] = []

    @property
    def is_mended(self) -> bool:
        """Whether anything was replaced."""
        return bool(self._edits)

    def replace(self, start: int, end: int, text: str) -> None:
        """Replaces a span of the text as it now is."""
        self.text = self.text[:start] + text + self.text[end:]
        self._edits.append((start, end, start + len(text)))

    def is_mend(self, offset: int) -> bool:
        """Whether the text at an offset was put there, so that a fault in it is no fault of the author's."""
        for start, end, new_end in reversed(self._edits):
            if start <= offset < new_end:
                return True
            if offset >= new_end:
                offset += end - new_end
        return False

    def origin(self, offset: int) -> int:
        """The offset in the author's text; one inside a replacement is the start of what was replaced."""
        for start, end, new_end in reversed(self._edits):
            if offset >= new_end:
                offset += end - new_end
            elif offset > start:
                offset = start if offset < new_end else end
        return offset
