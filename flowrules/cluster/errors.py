"""What can be wrong with a cluster."""

from __future__ import annotations


class ClusterError(Exception):
    """A cluster that cannot be reached or used, or was lost; ``str()`` is one line."""

    def __init__(self, what: str, hint: str = "") -> None:
        super().__init__(what, hint)
        self.what = what
        self.hint = hint

    def __str__(self) -> str:
        return self.what + (f" (hint: {self.hint})" if self.hint else "")
