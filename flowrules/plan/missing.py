"""What the sources of a run hold, and what they lack."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from attrs import field, frozen

from flowrules.model.source_text import Span
from flowrules.model.structural import Structural
from flowrules.plan.field_use import NETS, TYPES, WELCOME


@frozen(eq=False, repr=False)
class Lack(Structural):
    """A field that one source has not."""

    field: str
    source: str
    directions: bool = False
    """It is wanted to tell the direction of flows, and nothing else tells it."""

    def __str__(self) -> str:
        if self.directions:
            return f"{self.source} has no types, and no internal nets are bound: the direction of its flows is not known"
        return f"{self.source} has no field {self.field}"


class MissingField(Exception):
    """A source lacks a field that a declaration needs; ``str()`` is one line."""

    def __init__(self, lack: Lack, declaration: str, place: Span | None) -> None:
        self.field = lack.field
        self.source = lack.source
        self.declaration = declaration
        self.place = place
        where = f" ({place.path}:{place.line})" if place is not None else ""
        if lack.directions:
            hint = "say in the site file which nets are internal"
        else:
            hint = (
                f"say under assume in the site file what {lack.field} is, or mark a feature or table optional"
            )
        super().__init__(f"{lack}, which {declaration}{where} needs (hint: {hint})")


@frozen(eq=False, repr=False)
class Fields(Structural):
    """The fields of each source, by path, and those that the site assumes where a source lacks them."""

    sources: Sequence[tuple[str, frozenset[str]]]
    assumed: Mapping[str, object] = field(factory=dict)

    def some_lack(self, name: str) -> bool:
        """Whether some source has not this field, and the site assumes nothing for it."""
        return name not in self.assumed and any(name not in held for _, held in self.sources)

    def lacking(self, needed: Collection[str], direction_by: str) -> Lack | None:
        """The first field needed that some source lacks."""
        for path, held in self.sources:
            for name in sorted(needed):
                if name == "ip_version" and name not in held and name not in self.assumed:
                    name = "sip"  # the version is told from the address
                if name not in held and name not in self.assumed and name not in WELCOME:
                    untold = name == "type" and direction_by not in (TYPES, NETS)
                    return Lack(name, path, untold)
        return None
