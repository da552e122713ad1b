"""Findings that were there already: a file of their codes, declarations and texts, never of their lines."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Final

from flowrules.lint.finding import Finding

VERSION: Final = 1
_KEYS: Final = frozenset(("code", "declaration", "text", "count"))

Key = tuple[str, str, str]


class BaselineError(Exception):
    """A baseline that cannot be used; the message names the file and the fault."""


def key_of(finding: Finding) -> Key:
    """What a finding is known by: moving it to another line, or another file of the ruleset, changes nothing."""
    return finding.code, finding.declaration, finding.text


def read_baseline(path: Path) -> Counter[Key]:
    """How many findings of each kind are known.  Raises ``BaselineError`` and ``OSError``."""
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except json.JSONDecodeError as error:
        raise BaselineError(f"{path}:{error.lineno}: this is no baseline: {error.msg.lower()}") from None
    except UnicodeDecodeError:
        raise BaselineError(f"{path}: this is no baseline: it is not UTF-8 text") from None
    return _counts(document, path)


def _counts(document: Any, path: Path) -> Counter[Key]:
    if not isinstance(document, dict) or "findings" not in document:
        raise BaselineError(f"{path}: this is no baseline: it has no findings")
    unknown = sorted(set(document) - {"flowrules-baseline", "findings"})
    if unknown:
        raise BaselineError(f"{path}: a baseline has no {unknown[0]}")
    if document.get("flowrules-baseline") != VERSION:
        raise BaselineError(
            f"{path}: the baseline is of version {document.get('flowrules-baseline')}, not {VERSION}"
        )
    if not isinstance(document["findings"], list):
        raise BaselineError(f"{path}: findings is no list")
    out: Counter[Key] = Counter()
    for number, entry in enumerate(document["findings"], 1):
        if not isinstance(entry, dict):
            raise BaselineError(f"{path}: finding {number} is no object")
        wrong = sorted(set(entry) - _KEYS)
        if wrong:
            raise BaselineError(f"{path}: finding {number} has an unknown key {wrong[0]}")
        texts = [entry.get(k) for k in ("code", "declaration", "text")]
        count = entry.get("count", 1)
        if not all(isinstance(t, str) for t in texts) or not isinstance(count, int) or count < 1:
            raise BaselineError(
                f"{path}: finding {number} needs a code, a declaration and a text, and a count of 1 or more"
            )
        out[str(texts[0]), str(texts[1]), str(texts[2])] += count
    return out


def baseline_text(findings: Iterable[Finding]) -> str:
    """The baseline of some findings, sorted, one finding a line."""
    counts = Counter(key_of(f) for f in findings)
    rows = []
    for (code, declaration, text), count in sorted(counts.items()):
        entry: dict[str, object] = {"code": code, "declaration": declaration, "text": text}
        if count > 1:
            entry["count"] = count
        rows.append("  " + json.dumps(entry, ensure_ascii=False))
    body = ",\n".join(rows)
    inner = f"\n{body}\n" if rows else ""
    return f'{{"flowrules-baseline": {VERSION}, "findings": [{inner}]}}\n'


def new_findings(findings: Sequence[Finding], known: Counter[Key]) -> tuple[list[Finding], int]:
    """The findings that a baseline does not know, and how many it knew: of several alike, the first ones."""
    left = Counter(known)
    out: list[Finding] = []
    for finding in findings:
        key = key_of(finding)
        if left[key] > 0:
            left[key] -= 1
        else:
            out.append(finding)
    return out, len(findings) - len(out)
