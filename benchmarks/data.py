"""The same flows in the forms that contenders read: a store, Parquet, SiLK files; made once in a folder.

    python -m benchmarks.data FOLDER FORM --rows N [--layout usual] [--seed 1]

Making them is a process of its own, since a child's peak of memory begins with what its parent holds.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from attrs import asdict, frozen

from benchmarks.flows import BLOCK, FIELDS, HOME, HOME_WIDE, LAYOUTS, TYPES, Flows
from flowrules.processor import choose_sorting

FORMS = ("store", "parquet", "clustered", "silk", "repository")
EDITION = 3
"""To be raised with every change of the generator or of a form: flows of another edition are made anew."""


@frozen
class Data:
    """Flows below a folder; ``path`` makes a form of them where it is not there."""

    folder: Path
    flows: Flows

    @property
    def home(self) -> Path:
        """Where these flows are."""
        f = self.flows
        return self.folder / f"{f.layout}-{f.rows}-{f.seed}-{f.days}-{f.begin}-{EDITION}"

    def path(self, form: str) -> Path:
        """The file or folder of one form."""
        place = self.home / form
        if not place.exists():
            if form == "clustered":
                self.path("store")
            # numpy's powers and exponentials differ in their last bits with the instructions that it may use:
            # all forms are made with the same
            choose_sorting()
            subprocess.run(
                [
                    sys.executable,
                    "-m",
                    "benchmarks.data",
                    str(self.folder),
                    form,
                    json.dumps(asdict(self.flows)),
                ],
                check=True,
            )
        return place

    def forget(self) -> None:
        """Remove all forms."""
        shutil.rmtree(self.home, ignore_errors=True)


def make(data: Data, form: str) -> None:
    """Write one form; what is not whole is not left under its name."""
    place = data.home / form
    place.parent.mkdir(parents=True, exist_ok=True)
    aside = place.with_name(f".{form}")
    shutil.rmtree(aside, ignore_errors=True)
    aside.unlink(missing_ok=True)
    source = data.flows.source()
    match form:
        case "store":
            _store(aside, source)
        case "parquet":
            _parquet(aside, data.flows.chunks(), data.flows.layout == "wide")
        case "clustered":
            from flowrules.flows.store import open_store

            (stored,) = open_store(data.path("store")).sources()
            _parquet(aside, stored.chunks(frozenset(FIELDS)), data.flows.layout == "wide")
        case "silk":
            from flowrules.flows.silk_write import write_silk

            write_silk(aside, data.flows.chunks())
        case _:
            _repository(aside, data.flows)
    aside.rename(place)


def _store(place: Path, source: Any) -> None:
    from flowrules.flows.store import write_store
    from flowrules.model.address_set import AddressSet
    from flowrules.model.address_text import parse_cidr

    ranges = [
        (first, first | (1 << 128 - length) - 1) for first, length in map(parse_cidr, (HOME, HOME_WIDE))
    ]
    write_store(place, [source], internal=AddressSet.from_ranges(ranges))


def _parquet(place: Path, chunks: Iterator[Any], wide: bool) -> None:
    """One file, four blocks to a row group; IPv6 as two columns of 64 bits, which peers group and compare fastest."""
    import numpy as np
    import pyarrow as pa
    import pyarrow.parquet as pq

    from flowrules.flows.table import widen

    writer = None
    waiting: list[Any] = []

    def flush() -> None:
        nonlocal writer
        if waiting:
            table = pa.concat_tables(waiting).combine_chunks()
            writer = writer or pq.ParquetWriter(place, table.schema)
            writer.write_table(table, row_group_size=table.num_rows)
            waiting.clear()

    for chunk in chunks:
        columns = {}
        for name in FIELDS:
            column = widen(chunk[name]) if wide and name in ("sip", "dip") else chunk[name]
            if column.dtype.names:
                columns |= {f"{name}_{half}": np.ascontiguousarray(column[half]) for half in ("high", "low")}
            else:
                columns[name] = column
        waiting.append(pa.table(columns))
        if sum(t.num_rows for t in waiting) >= 4 * BLOCK:
            flush()
    flush()
    if writer is not None:
        writer.close()


def _repository(folder: Path, flows: Flows) -> None:
    """SiLK files by type and hour, as rwflowpack leaves them below its root: ``TYPE/YYYY/MM/DD/TYPE-S0_YYYYMMDD.HH``."""
    from contextlib import ExitStack
    from datetime import UTC, datetime

    import numpy as np

    from flowrules.flows.silk_write import write_silk

    hours: dict[tuple[int, int], list[Any]] = {}
    with ExitStack() as stack:
        stack.callback(hours.clear)

        def put(before: int | None) -> None:
            """Write the hours that are complete: flows come in the order of time."""
            for key in sorted(k for k in hours if before is None or k[1] < before):
                name, at = TYPES[key[0]], datetime.fromtimestamp(key[1] * 3600, UTC)
                place = folder / name / f"{at:%Y/%m/%d}" / f"{name}-S0_{at:%Y%m%d.%H}"
                place.parent.mkdir(parents=True, exist_ok=True)
                write_silk(place, hours.pop(key))

        for chunk in flows.chunks():
            hour = chunk["stime"] // 3_600_000
            for key in np.unique(hour * 4 + chunk["type"]).tolist():
                index = np.flatnonzero(hour * 4 + chunk["type"] == key)
                hours.setdefault((key % 4, key // 4), []).append(chunk.take(index))
            put(int(hour[-1]))
        put(None)


def main() -> None:
    """Make one form."""
    import argparse

    parser = argparse.ArgumentParser(description="Write benchmark flows in one form.")
    parser.add_argument("folder", type=Path)
    parser.add_argument("form", choices=FORMS)
    parser.add_argument(
        "flows", help=f"what to make, as JSON: rows, layout ({', '.join(LAYOUTS)}), seed, days, begin"
    )
    given = parser.parse_args()
    make(Data(given.folder, Flows(**json.loads(given.flows))), given.form)


if __name__ == "__main__":
    main()
