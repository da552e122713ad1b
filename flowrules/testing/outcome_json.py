"""What came of tests as JSON (docs/testing.md)."""

from __future__ import annotations

from collections.abc import Sequence

from flowrules import __version__
from flowrules.model.source_text import Span
from flowrules.report.json_text import Json, json_text
from flowrules.testing.coverage import Coverage
from flowrules.testing.mutation import Mutation
from flowrules.testing.running import Outcome
from flowrules.testing.text import change_text


def outcomes_json(
    outcomes: Sequence[Outcome], coverage: Coverage | None = None, mutation: Mutation | None = None
) -> str:
    """One document with the outcome of each test, and coverage and changes where they were asked for."""
    document: dict[str, Json] = {
        "flowrules": __version__,
        "tests": [_outcome(o) for o in outcomes],
    }
    if coverage is not None:
        document["coverage"] = _coverage(coverage)
    if mutation is not None:
        document["mutation"] = _mutation(mutation)
    return json_text(document)


def _outcome(outcome: Outcome) -> Json:
    test = outcome.test
    failures: list[Json] = [{"path": f.path, "line": f.line, "message": f.message} for f in outcome.failures]
    return {
        "ruleset": test.ruleset,
        "name": test.name,
        "outcome": outcome.state,
        "todo": test.todo,
        **_place(test.span),
        "failures": failures,
    }


def _place(span: Span | None) -> dict[str, Json]:
    return {"path": span.path if span else None, "line": span.line if span else None}


def _coverage(coverage: Coverage) -> Json:
    items: list[Json] = []
    for item in coverage.items:
        holds, fails = coverage.sides(item)
        items.append(
            {
                "kind": item.kind,
                "ruleset": item.ruleset,
                "declaration": item.declaration,
                "text": item.text,
                **_place(item.span),
                "holds": holds,
                "fails": fails,
            }
        )
    return {
        "sides": 2 * len(coverage.items),
        "reached": coverage.reached,
        "share": coverage.share,
        "items": items,
    }


def _mutation(mutation: Mutation) -> Json:
    survivors: list[Json] = [
        {
            "kind": m.kind,
            "ruleset": m.name.partition(":")[0],
            "declaration": m.name.partition(":")[2],
            "before": m.before,
            "after": None if m.after == "nothing" else m.after,
            "message": change_text(m),
            **_place(m.span),
        }
        for m in mutation.survivors
    ]
    return {
        "changes": len(mutation.tried),
        "noticed": len(mutation.tried) - len(survivors),
        "share": mutation.share,
        "unnoticed": survivors,
    }
