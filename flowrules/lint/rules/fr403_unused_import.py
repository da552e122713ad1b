"""FR403: an import that nothing uses."""

from __future__ import annotations

import re
from collections.abc import Iterator

from flowrules.check.symbols import FileScope
from flowrules.lint.finding import Finding
from flowrules.lint.linted import Linted
from flowrules.lint.rule import Rule
from flowrules.syntax import tree
from flowrules.syntax.diagnostics import Fix


class UnusedImport(Rule):
    """An imported name, or a whole imported ruleset, that the file does not use.

    Why
        Every run needs the imported ruleset for nothing, and a reader looks for the use in vain.
    Bad
        import sei.ports (web, mail_client)

        filter request = outbound and tcp and dport in web
    Good
        import sei.ports (web)

        filter request = outbound and tcp and dport in web
    Fix
        Remove the name. --fix does so.
    """

    code = "FR403"
    name = "unused-import"
    severity = "warning"

    def check(self, linted: Linted) -> Iterator[Finding]:
        """The imports of every file."""
        for scope in linted.files:
            used = _used_heads(linted, scope)
            for node in scope.file.imports:
                unused = [i for i in node.names or () if (i.alias or i.name).text not in used]
                alias = node.alias if node.alias is not None and node.alias.text not in used else None
                whole = len(unused) == len(node.names or ()) and (node.alias is None or alias is not None)
                if whole:
                    yield self.finding(
                        linted,
                        f"nothing of {node.ruleset.text} is used",
                        node.span,
                        edits=_whole_line(linted, node),
                        safe=True,
                        mend="remove the import",
                    )
                    continue
                for imported in unused:
                    name = (imported.alias or imported.name).text
                    yield self.finding(
                        linted,
                        f"{name} is imported and never used",
                        imported.span,
                        edits=_name(linted, node, imported),
                        safe=True,
                        mend=f"remove {name}",
                    )
                if alias is not None:
                    yield self.finding(linted, f"the name {alias.text} is given and never used", alias.span)


def _used_heads(linted: Linted, scope: FileScope) -> set[str]:
    names = linted.nodes(scope).within(tree.Name)
    return {node.parts[0] for item, node in names if not isinstance(item, tree.Import)}


def _name(linted: Linted, node: tree.Import, imported: tree.ImportedName) -> tuple[Fix, ...]:
    names = node.names or ()
    index = names.index(imported)
    path = node.span.path
    text = linted.source(path)
    if index > 0:
        start, end = names[index - 1].span.end, imported.span.end
    else:
        start, end = imported.span.start, names[1].span.start
    return () if "#" in text[start:end] else (Fix(linted.span(path, start, end), ""),)


def _whole_line(linted: Linted, node: tree.Import) -> tuple[Fix, ...]:
    path, text = node.span.path, linted.source(node.span.path)
    start, end = node.span.start, node.span.end
    rest = re.compile(r"[ \t]*(\r\n|\n|\r|$)").match(text, end)
    if rest is None or "#" in text[start:end]:
        return ()
    return (Fix(linted.span(path, start, rest.end()), ""),)
