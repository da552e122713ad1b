"""What can be wrong with the data that a plan asks for."""

from __future__ import annotations

from flowrules.plan.missing import MissingField


class SumOverflow(Exception):
    """A sum of a group does not fit 64 bits; ``str()`` is one line."""

    def __init__(self, what: str) -> None:
        super().__init__(f"{what} passes 64 bits (hint: group by more keys, or read fewer flows at once)")


__all__ = ["MissingField", "SumOverflow"]
