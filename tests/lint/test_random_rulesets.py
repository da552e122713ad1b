"""Random rulesets: no rule fails, and safe fixes leave what every filter matches as it is."""

from __future__ import annotations

import random

import pytest

from flowrules.check.check import check
from flowrules.model.source_text import SourceText
from tests.lint.building import lint_text
from tests.lint.flows import passes, real_flows
from tests.lint.test_fixes import fixed
from tests.lint.test_proofs import PRELUDE, written

KEYS = (
    "sip",
    "dip",
    "sport",
    "protocol",
    "dport",
    "sip/24 as block",
    "bin(stime, 1h)",
    "zone(sip)",
    "hour(stime)",
)
MEASURES = (
    "flows",
    "sum(bytes)",
    "distinct(dport)",
    "distinct(dip)",
    "max(packets)",
    "mean(duration)",
    "entropy(dport)",
)
BOUNDS = {
    "flows": ("0", "1", "10"), "sum(bytes)": ("0B", "1kB"), "distinct(dport)": ("0", "1", "3", "65536"),
    "distinct(dip)": ("0", "1", "300"), "max(packets)": ("0", "4"), "mean(duration)": ("0s", "1s"), "entropy(dport)": ("0", "20"),
}  # fmt: skip


def condition(rng: random.Random) -> str:
    tests = []
    for _ in range(rng.randint(1, 3)):
        measure = rng.choice(MEASURES)
        tests.append(f"{measure} {rng.choice(('>=', '>', '<', '<='))} {rng.choice(BOUNDS[measure])}")
    return f" {rng.choice(('and', 'or'))} ".join(tests)


def ruleset(seed: int) -> str:
    rng = random.Random(seed)
    lines = [f"filter f{n} = {written(rng)}" for n in range(8)]
    lines += [
        f"filter g{n} = f{rng.randint(0, 7)} {rng.choice(('and', 'or'))} {written(rng)}" for n in range(4)
    ]
    lines += [
        f"set s{n} = {rng.choice(KEYS[:2])} of f{rng.randint(0, 7)} keep {condition(rng)}" for n in range(3)
    ]
    lines += [f"set u{n} = s{rng.randint(0, 2)} {rng.choice('|&-^')} s{rng.randint(0, 2)}" for n in range(3)]
    lines += [
        f"table t{n} = {rng.choice(MEASURES)}, rows_of_{n} of f{rng.randint(0, 7)} per {', '.join(rng.sample(KEYS, 2))}"
        f" keep {condition(rng)}".replace(f"rows_of_{n}", "flows as counted")
        for n in range(3)
    ]
    lines.append("profile p {\n    hosts s0 | s1")
    lines += [f"    feature x{n} = {m} of g{rng.randint(0, 3)} per sip" for n, m in enumerate(MEASURES)]
    bounds = dict(enumerate(BOUNDS[m] for m in MEASURES))
    for n in range(4):
        parts = [
            f"x{k} {rng.choice(('>=', '<', '>', '<='))} {rng.choice(bounds[k])}"
            for k in (rng.randrange(len(MEASURES)) for _ in range(2))
        ]
        lines.append(f"    verdict v{n} when {rng.choice((' and ', ' or ')).join(parts)}")
    lines.append("}")
    return PRELUDE + "\n".join(lines) + "\n"


@pytest.mark.parametrize("seed", range(20))
def test_no_rule_fails(seed: int) -> None:
    result = lint_text(ruleset(seed))
    assert result.failures == ()
    assert not result.errors, [f.diagnostic.message for f in result.findings if f.code < "FR3"]


@pytest.mark.parametrize("seed", range(8))
def test_safe_fixes_keep_what_filters_match(seed: int) -> None:
    before = ruleset(seed)
    after = fixed(before)
    one, other = (check([SourceText("a.frules", t)]).program for t in (before, after))
    assert one is not None
    assert other is not None
    flows = real_flows(5000)
    for name, declared in one.filters.items():
        was = passes(declared.predicate, one, flows)
        now = passes(other.filters[name].predicate, other, flows)
        assert (was == now).all(), name
