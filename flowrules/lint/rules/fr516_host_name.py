"""FR516: a host's name in a ruleset for others."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from flowrules.lint.finding import Finding
from flowrules.lint.linted import Linted
from flowrules.lint.metadata import is_shared
from flowrules.lint.rule import Rule
from flowrules.syntax import tree

_NAME: Final = re.compile(
    r"(?<![\w.@/:-])(?:[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?\.){1,8}([A-Za-z]{2,})(?![\w-]|\.\w)"
)
_URL: Final = re.compile(r"https?://[^\s\"<>]+")

TLDS: Final = frozenset(
    [
        "com",
        "net",
        "org",
        "edu",
        "gov",
        "mil",
        "int",
        "info",
        "biz",
        "io",
        "dev",
        "app",
        "cloud",
        "eu",
        "de",
        "fr",
        "uk",
        "nl",
        "ch",
        "at",
        "it",
        "es",
        "pt",
        "pl",
        "cz",
        "se",
        "no",
        "dk",
        "fi",
        "be",
        "ie",
        "ru",
        "ua",
        "cn",
        "jp",
        "kr",
        "in",
        "au",
        "nz",
        "br",
        "mx",
        "ca",
        "us",
        "za",
        "ar",
        "cl",
        "co",
        "local",
        "lan",
        "corp",
        "home",
        "internal",
        "intranet",
        "private",
        "localdomain",
        "arpa",
    ]
)
"""Endings that a host's name is known by: common domains, and words for a network of one's own."""

EXAMPLES: Final = (
    "example.com",
    "example.net",
    "example.org",
    "example.edu",
    "home.arpa",
    "in-addr.arpa",
    "ip6.arpa",
)
_RESERVED: Final = frozenset(("example", "test", "invalid", "localhost"))


class HostName(Rule):
    """A host's name in a ruleset that is meant for others, its tests and comments included.

    Why
        It names somebody's machine: it is right at one site only, and tells others what that site has. Names for examples are
        those under example.com, example.net, example.org, .example and .test (RFC 2606). Addresses of documents on the
        web are fine, as is everything in the ruleset block.
    Bad
        ruleset acme.web { version "1.0.0" license "CC0-1.0" tlp clear reference "RFC 9110" }
        # traffic of proxy1.corp.acme.net is left out
        filter web = outbound and tcp and dport = 443
    Good
        ruleset acme.web { version "1.0.0" license "CC0-1.0" tlp clear reference "RFC 9110" }
        # traffic of proxy1.example.net is left out
        filter web = outbound and tcp and dport = 443
    Fix
        Take a name under example.net, or leave it out.
    """

    code = "FR516"
    name = "host-name"
    severity = "warning"

    def check(self, linted: Linted) -> Iterator[Finding]:
        """Every string and comment outside the ruleset block."""
        names = _names_of_rules(linted)
        for scope in linted.files:
            if not is_shared(scope):
                continue
            block = scope.file.ruleset
            text = linted.source(scope.path)
            for start, end in (*linted.comments(scope.path), *linted.strings(scope.path)):
                if block is not None and block.span.start <= start < block.span.end and text[start] == '"':
                    continue
                addresses = [m.span() for m in _URL.finditer(text, start, end)]
                for match in _NAME.finditer(text, start, end):
                    if any(a <= match.start() < b for a, b in addresses):
                        continue
                    if not _is_host(match.group(), match.group(1)) or match.group() in names:
                        continue
                    yield self.finding(
                        linted,
                        f"{match.group()} is the name of somebody's host",
                        linted.span(scope.path, *match.span()),
                        hint="take a name under example.net",
                    )


def _is_host(name: str, ending: str) -> bool:
    low = name.lower()
    if ending.lower() not in TLDS or low.rpartition(".")[2] in _RESERVED:
        return False
    return not any(low == e or low.endswith(f".{e}") for e in EXAMPLES)


def _names_of_rules(linted: Linted) -> set[str]:
    """Dotted names of rulesets and what they declare: ``sei.web_clients`` is no host."""
    out = set(linted.scopes)
    for scope in linted.scopes.values():
        for symbol in scope.symbols.values():
            if isinstance(symbol.node, tree.Profile):
                out |= {f"{symbol.name}.{f.name.text}" for f in symbol.node.features}
    return out
