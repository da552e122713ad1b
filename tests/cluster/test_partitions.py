"""Cut flows hold the same records as whole ones, and stages give the same bytes wherever they are carried out."""

from __future__ import annotations

import pickle
import random
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from attrs import evolve, frozen

from flowrules.cluster import partitions as cutting
from flowrules.cluster import work as working
from flowrules.cluster.partitions import partitions
from flowrules.cluster.share import added_up
from flowrules.cluster.work import Held, counted, packed, unpacked
from flowrules.engine.scan import Progress, Scanned
from flowrules.engine.stage import Stage
from flowrules.flows.errors import FlowFileError
from flowrules.flows.silk_conf import BUILT_IN
from flowrules.flows.silk_write import write_silk
from flowrules.flows.sources import open_sources
from flowrules.flows.store.writing import write_store
from flowrules.flows.table import FlowSource
from tests.cluster.flows import printed, rules
from tests.engine.state import test_state as states
from tests.flows.made_flows import made, multiset, source_of


@frozen
class Elsewhere:
    """Carries out stages as other processes would: everything is pickled, and comes back in any order."""

    seed: int

    def scan(self, stage: Stage, sources: Sequence[FlowSource], progress: Progress | None) -> Scanned:
        from flowrules import __version__

        order = random.Random(self.seed)
        data = packed(stage)
        workers = [unpacked(data, __version__) for _ in range(3)]
        cut = partitions(sources, 4)
        order.shuffle(cut)
        shares = []
        for partition in cut:
            held: Held = order.choice(workers)
            found = counted(held, pickle.loads(pickle.dumps(partition)))
            shares.append(pickle.loads(pickle.dumps(found)))
        while len(shares) > 1:
            some = [shares.pop(order.randrange(len(shares))) for _ in range(min(3, len(shares)))]
            shares.append(pickle.loads(pickle.dumps(added_up(some))))
        return shares[0].scanned(stage, len(sources))


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Partitions of few records, so that small files are cut too."""
    monkeypatch.setattr(cutting, "FEWEST", 500)


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("shape", ["files", "store", "sample.rw"])
def test_shipped_rulesets_find_the_same_elsewhere(flows: Path, shape: str, seed: int) -> None:
    loaded = rules(flows)
    sources = open_sources([flows / shape])
    assert len(partitions(sources, 4)) > 3
    assert printed(loaded, sources, Elsewhere(seed)) == printed(loaded, sources)


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize("seed", range(6))
def test_all_kinds_of_parts_find_the_same_elsewhere(tmp_path: Path, seed: int) -> None:
    (tmp_path / "flows").mkdir()
    for number in range(seed % 3 + 1):
        states.write(tmp_path / "flows" / f"{number}.rw", seed * 10 + number, rows=1500)
    loaded = states.rules(tmp_path)
    sources = open_sources([tmp_path / "flows"])
    assert printed(loaded, sources, Elsewhere(seed)) == printed(loaded, sources)


@pytest.mark.parametrize("compression", ["none", "zlib"])
@pytest.mark.parametrize("wide", [0.0, 0.3])
def test_ranges_of_records_are_the_file(tmp_path: Path, compression: str, wide: float) -> None:
    whole = made(9000, wide=wide)
    write_silk(tmp_path / "a.rw", [whole], compression=compression)  # type: ignore[arg-type]
    (source,) = open_sources([tmp_path / "a.rw"])
    assert source.portion is not None
    pieces = evolve(source.portion, weight=9000).cut(2000)
    assert len(pieces) > 3
    parts = [chunk for piece in pieces for chunk in piece.open(BUILT_IN).chunks(rows=700)]
    numbers = np.concatenate([part["record_number"] for part in parts])
    assert numbers.tolist() == list(range(9000))
    assert multiset([source_of(*parts)]) == multiset([source])
    assert sum(piece.weight for piece in pieces[:-1]) <= 9000


def test_blocks_are_the_store_as_it_was_when_it_was_opened(tmp_path: Path) -> None:
    write_store(tmp_path / "s", [source_of(made(4000, days=3, wide=0.2))])
    (source,) = open_sources([tmp_path / "s"])
    assert source.portion is not None
    before = multiset([source])
    pieces = source.portion.cut(1000)
    assert len(pieces) >= 3
    write_store(tmp_path / "s", [source_of(made(100, seed=5))])
    parts = [chunk for piece in pieces for chunk in piece.open(BUILT_IN).chunks()]
    assert multiset([source_of(*parts)]) == before
    numbers = np.sort(np.concatenate([part["record_number"] for part in parts]))
    assert numbers.tolist() == list(range(4000))


def test_another_file_under_the_same_path_is_refused(tmp_path: Path) -> None:
    write_silk(tmp_path / "a.rw", [made(10)])
    (source,) = open_sources([tmp_path / "a.rw"])
    assert source.portion is not None
    write_silk(tmp_path / "a.rw", [made(11)])
    with pytest.raises(FlowFileError, match="another file than where the run was started"):
        source.portion.open(BUILT_IN)


def test_damage_in_a_later_range_counts_the_records_before_it(tmp_path: Path) -> None:
    write_silk(tmp_path / "a.rw", [made(1000)])
    data = (tmp_path / "a.rw").read_bytes()
    (tmp_path / "a.rw").write_bytes(data[:-7])
    (source,) = open_sources([tmp_path / "a.rw"])
    assert source.portion is not None
    with pytest.raises(FlowFileError) as whole:
        list(source.chunks())
    with pytest.raises(FlowFileError) as last:
        list(source.portion.cut(300)[-1].open(BUILT_IN).chunks())
    assert str(last.value) == str(whole.value)
    assert str(pickle.loads(pickle.dumps(last.value))) == str(whole.value)


def test_small_files_go_together_and_tolerant_ones_are_never_cut(flows: Path) -> None:
    few = partitions(open_sources([flows / "files"]), 2)
    assert len(few) == 1 and len(few[0].portions) == 4
    assert few[0].name.startswith("one of 4 files from ")
    assert [p.name for p in few[0].single()] == [portion.name for _, portion in few[0].portions]


@pytest.mark.usefixtures("small")
def test_a_source_that_ends_at_its_damage_is_not_cut(flows: Path) -> None:
    sources = open_sources([flows / "sample.rw"], on_error="skip")
    assert [len(p.portions) for p in partitions(sources, 2)] == [1]


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize("shape", ["sample.rw", "store"])
def test_partitions_are_ever_smaller_and_hold_one_piece_of_a_source(flows: Path, shape: str) -> None:
    sources = open_sources([flows / shape])
    cut = partitions(sources, 2)
    assert len(cut) > 5
    assert all(len(p.portions) == 1 for p in cut)
    weights = [p.weight for p in cut]
    total = sum(weights)
    assert total == sum(source.records or 0 for source in sources)
    # a store is cut where its zones end
    assert total / 4 < weights[0] < total / 2 and max(weights[-2:]) < weights[0] / 2
    opened = [portion.open(BUILT_IN) for p in cut for _, portion in p.portions]
    assert multiset(opened) == multiset(sources)


def test_a_small_rest_is_no_partition_of_its_own() -> None:
    sizes = cutting._sizes(5 * cutting.FEWEST // 4, 4)
    assert next(sizes) == 5 * cutting.FEWEST // 4


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize("most", [working.MOST_MET, 0])
def test_a_worker_counts_rightly_after_a_partition_failed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, most: int
) -> None:
    """What a scanner learned is kept, what it had counted when it failed is not."""
    monkeypatch.setattr(working, "MOST_MET", most)
    (tmp_path / "flows").mkdir()
    states.write(tmp_path / "flows" / "0.rw", 1, rows=4000)
    (damaged,) = partitions(open_sources([_cut_off(tmp_path / "flows" / "0.rw")]), 1)[-1:]

    @frozen
    class Failing(Elsewhere):
        def scan(self, stage: Stage, sources: Sequence[FlowSource], progress: Progress | None) -> Scanned:
            from flowrules import __version__

            held = unpacked(packed(stage), __version__)
            shares = []
            for partition in partitions(sources, 2):
                with pytest.raises(FlowFileError):
                    counted(held, damaged)
                shares.append(counted(held, partition))
            return added_up(shares).scanned(stage, len(sources))

    loaded = states.rules(tmp_path)
    sources = open_sources([tmp_path / "flows"])
    assert printed(loaded, sources, Failing(0)) == printed(loaded, sources)


def _cut_off(path: Path) -> Path:
    """A copy of a file that ends inside its last record."""
    damaged = path.parent.parent / "damaged.rw"
    damaged.write_bytes(path.read_bytes()[:-7])
    return damaged
