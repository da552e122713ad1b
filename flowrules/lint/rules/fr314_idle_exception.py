"""FR314: an exception from a list that the list does not hold."""

from __future__ import annotations

from collections.abc import Iterator

from flowrules.lint.finding import Finding
from flowrules.lint.linted import Linted
from flowrules.lint.lists import list_ranges, minus, ranges_of
from flowrules.lint.rule import Rule
from flowrules.syntax import tree


class IdleException(Rule):
    """An exception that takes nothing from its list, or takes everything.

    Why
        What stands after except was thought to be in the list, and is not: the number or the block is a slip, or the list has
        changed. An exception that leaves nothing makes every test of the list false.
    Bad
        ports web = 80, 443, 8000-8080 except (8888)
        ---
        nets lab = 10.20.0.0/16 except (10.21.0.0/24)
    Good
        ports web = 80, 443, 8000-8080 except (8008)
        ---
        nets lab = 10.20.0.0/16 except (10.20.21.0/24)
    Fix
        Correct the exception, or remove it.
    """

    code = "FR314"
    name = "idle-exception"
    severity = "warning"

    def check(self, linted: Linted) -> Iterator[Finding]:
        """The exceptions of ports and nets."""
        for scope in linted.files:
            for node in scope.file.declarations:
                if not isinstance(node, tree.Ports | tree.Nets) or not node.exceptions:
                    continue
                held = list_ranges(scope, node.items)
                if held is None:
                    continue
                left = held
                for item in node.exceptions:
                    taken = ranges_of(scope, item)
                    if taken is None:
                        break
                    if minus(held, taken) == held:
                        yield self.finding(
                            linted,
                            f"{linted.text(item.span)} is not in {node.name.text}, so nothing is excepted",
                            item.span,
                        )
                    left = minus(left, taken)
                else:
                    if not left:
                        yield self.finding(
                            linted, f"{node.name.text} is empty: everything in it is excepted", node.name.span
                        )
