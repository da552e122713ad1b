"""How deep a tree is: later passes walk it recursively, so a limit holds before they begin."""

from __future__ import annotations

import re

from flowrules.syntax import tree
from flowrules.syntax.cut import DEEPEST

_OPERATION = re.compile(r"[-+*/|&^(\[{]|\bnot\b")


def too_deep(text: str, node: tree.Node) -> tree.Node | None:
    """The first node deeper than ``DEEPEST`` below ``node``, whose text is ``text``; ``None``: there is none."""
    if len(text) < DEEPEST or len(_OPERATION.findall(text)) < DEEPEST // 2:
        return None
    level: list[tree.Node] = [node]
    for _ in range(DEEPEST + 20):  # declarations, clauses and lists take a few levels of their own
        level = [child for above in level for child in above.children()]
        if not level:
            return None
    return level[0]
