"""What a shell offers for arguments: rulesets by name, files, codes of findings."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import click
    from click.shell_completion import CompletionItem


def files(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Files and folders."""
    from click.shell_completion import CompletionItem

    return [CompletionItem(incomplete, type="file")]


def rulesets(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Rulesets by name, from the search path and the shipped ones; files where no name begins so."""
    from click.shell_completion import CompletionItem

    from flowrules.share.search import Search

    names = [
        n for n in Search.from_environment().names() if n.startswith(incomplete) and not n.endswith("_test")
    ]
    return [CompletionItem(n) for n in names] or files(ctx, param, incomplete)


def codes(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Codes of findings."""
    from click.shell_completion import CompletionItem

    from flowrules.lint.pages import known_codes

    return [CompletionItem(code) for code in sorted(known_codes()) if code.startswith(incomplete.upper())]
