"""What a run found: series, frames, sets, tables and features, before verdicts are explained and printed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import numpy as np
from attrs import Factory, field, frozen
from numpy.typing import NDArray

from flowrules.model.structural import Shown
from flowrules.model.types import Type

if TYPE_CHECKING:
    from flowrules.model.address_set import AddressSet
    from flowrules.model.expression import Measure

Array = NDArray[Any]
Scalar = int | float | str | bool | Fraction | tuple[object, ...] | None


@frozen(eq=False, repr=False)
class Series(Shown):
    """One column of results: ``len(values)`` rows of one type.

    ``values`` by type: whole numbers, sizes, durations, times, ports … ``int64`` (``uint64`` where a sum
    needs it, ``object`` of ``int`` past 64 bits); floats ``float64``; addresses ``uint32`` or ``ADDRESS``;
    blocks ``ADDRESS`` (the block's first address) with ``prefix`` (length of the 128) beside; truth
    ``bool``; labels and lists ``object`` (``str``; ``tuple``).  ``known`` is a bool array, or ``None``
    where every row is known; values of unknown rows mean nothing.  A ratio of whole numbers (percents
    such as ``share``) has its numerators in ``values`` and ``denominators`` beside: it is compared
    exactly and printed as one rounded float64.
    """

    type: Type
    values: Array
    known: NDArray[np.bool_] | None = None
    denominators: Array | None = None
    prefix: NDArray[np.uint8] | None = None

    def __len__(self) -> int:
        return len(self.values)

    def mask(self) -> NDArray[np.bool_]:
        """Which rows are known (a new bool array where all are)."""
        return np.ones(len(self.values), np.bool_) if self.known is None else self.known

    def take(self, index: NDArray[np.intp]) -> Series:
        """The rows at ``index`` (intp), in that order."""
        return Series(
            self.type,
            self.values.take(index),
            None if self.known is None else self.known.take(index),
            None if self.denominators is None else self.denominators.take(index),
            None if self.prefix is None else self.prefix.take(index),
        )

    def slice(self, some: slice) -> Series:
        """Some rows, without copying."""
        known = None if self.known is None else self.known[some]
        denominators = None if self.denominators is None else self.denominators[some]
        prefix = None if self.prefix is None else self.prefix[some]
        return Series(self.type, self.values[some], known, denominators, prefix)

    def scalar(self, row: int) -> Scalar:
        """One value in Python's terms: int, float, str, bool, ``Fraction`` for a ratio, 128-bit int for an
        address, ``(int, prefix)`` for a block; ``None`` where it is unknown."""
        if self.known is not None and not self.known[row]:
            return None
        value = self.values[row]
        if self.denominators is not None:
            return Fraction(int(value), int(self.denominators[row]))
        if self.type.name in ("address", "block"):
            if self.values.dtype.names:
                number = int(value["high"]) << 64 | int(value["low"])
            else:
                number = int(value) + (0xFFFF << 32)
            return number if self.prefix is None else (number, int(self.prefix[row]))
        plain: Scalar = value.item() if isinstance(value, np.generic) else value
        return plain


@frozen(eq=False, repr=False)
class Frame(Shown):
    """Rows with named columns, all of one length; for a profile the first ``keys`` name the host."""

    columns: Mapping[str, Series]
    rows: int
    keys: tuple[str, ...] = ()

    def __getitem__(self, name: str) -> Series:
        return self.columns[name]

    def take(self, index: NDArray[np.intp]) -> Frame:
        """The rows at ``index`` (intp), in that order."""
        return Frame({n: s.take(index) for n, s in self.columns.items()}, len(index), self.keys)


@frozen(eq=False, repr=False)
class SetResult(Shown):
    """A set's members: ``addresses`` for one address position, else ``frame`` with a column a position,
    sorted by all positions (unknown never is a member)."""

    parts: tuple[Type, ...]
    addresses: AddressSet | None = None
    frame: Frame | None = None

    def count(self) -> int:
        """The number of members, exact."""
        if self.addresses is not None:
            return self.addresses.count
        return 0 if self.frame is None else self.frame.rows


@frozen(eq=False, repr=False)
class TableResult(Shown):
    """A table's kept rows in output order, with what they were taken from.

    ``flows`` counts the flows (or rows) of the source that passed, ``bins`` the groups before keep,
    ``total`` is the first measure over the whole source as one group.  ``share`` and ``cumulative``
    belong to the first measure (``None`` where it has no share), cumulated in output order before keep.
    ``cut_ties`` says that ``top n`` cut rows equal to the last kept.
    """

    frame: Frame
    measures: tuple[str, ...]
    flows: int
    bins: int
    total: Scalar
    share: Series | None = None
    cumulative: Series | None = None
    cut_ties: bool = False
    missing: str | None = None
    """Why an ``optional`` table is unknown (the field that the source lacks)."""


@frozen(eq=False, repr=False)
class FeatureEvidence(Shown):
    """What lies behind one feature of one host beyond its value: ``proof``, ``pairs``, ``looks`` …, and
    ``why_unknown`` (``7 looks, 10 needed``) where it is unknown."""

    numbers: Mapping[str, object] = Factory(dict)
    why_unknown: str = ""


@frozen(eq=False, repr=False)
class ProfileResult(Shown):
    """A profile's hosts (sorted by key), their features and the verdict that each got.

    ``verdict`` holds indices into the profile's verdicts, -1 where none held (``unclassified``);
    ``truths`` one int8 array for each verdict and anomaly name: 1 holds, 0 does not, -1 unknown.
    """

    frame: Frame
    verdict: NDArray[np.int32]
    truths: Mapping[str, NDArray[np.int8]]
    evidence: Mapping[str, Mapping[int, FeatureEvidence]] = Factory(dict)
    """By feature name, by row."""
    missing: Mapping[str, str] = Factory(dict)
    """Optional features that no host has, with the reason."""


@frozen(eq=False, repr=False)
class SourceFacts(Shown):
    """One source as it was read."""

    path: str
    format: str
    records: int


@frozen(eq=False, repr=False)
class FlowFacts(Shown):
    """All flows read: how many, from when to when (ms), how many of each direction, how it was decided."""

    records: int
    first: int | None
    last: int | None
    sources: Sequence[SourceFacts]
    directions: Mapping[str, int]
    direction_by: str


@frozen(eq=False, repr=False)
class Results(Shown):
    """Everything a run found, by qualified name, in the order of declaration."""

    flows: FlowFacts
    scans: int
    sets: Mapping[str, SetResult]
    tables: Mapping[str, TableResult]
    profiles: Mapping[str, ProfileResult]
    totals: Mapping[Measure, Scalar] = field(factory=dict)
    """Measures with a source of their own in checks, anomalies and texts."""
    entries: Mapping[tuple[str, int], Frame] = field(factory=dict)
    """Groups of an entry ``(profile, index of the entry)``: its keys and one column a measure (``str(i)`` by
    position in ``EntryDeclaration.columns``, ``str(i) + ":"`` for its ports)."""
    notes: Sequence[str] = ()
