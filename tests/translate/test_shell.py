"""Reading scripts of pipelines as a shell would."""

from __future__ import annotations

import pytest

from flowrules.translate.errors import TranslationError
from flowrules.translate.shell import pipelines


def tools(script: str) -> list[list[str]]:
    return [[c.tool for c in p.commands] for p in pipelines(script)]


def test_a_transcript_with_prompts_continuations_and_output() -> None:
    script = r"""
    # a comment
    $ rwfilter sample.rw --type=out,outweb \
      --protocol=6 \
      --pass=stdout \
      | rwset --sip-file=a.set
    $ rwsetcat --count a.set
    31
    $ rwuniq --fields=sip sample.rw
                sIP|   Records|
       203.0.113.33|         7|
    """
    assert tools(script) == [["rwfilter", "rwset"], ["rwsetcat"], ["rwuniq"]]
    assert pipelines(script)[0].commands[0].words[:2] == ("sample.rw", "--type=out,outweb")


def test_semicolons_and_a_pipe_at_the_end_of_a_line() -> None:
    assert tools("rwsetcat a.set; rwsetcat b.set") == [["rwsetcat"], ["rwsetcat"]]
    assert tools("rwfilter a.rw --proto=6 --pass=- |\n rwuniq --fields=sip") == [["rwfilter", "rwuniq"]]


def test_quotes_are_the_shells() -> None:
    command = pipelines("rwfilter 'my flows.rw' --stime='2009/02/12-' --pass=stdout")[0].commands[0]
    assert command.words == ("my flows.rw", "--stime=2009/02/12-", "--pass=stdout")


@pytest.mark.parametrize(
    ("script", "message"),
    [
        ("", "no pipeline found"),
        ("cat a.rw | rwuniq --fields=sip", "not a tool"),
        ("rwfilter a.rw --proto=6 --pass=stdout | sort", "not a tool"),
        ("rwuniq --fields=sip a.rw > out.txt", "redirections"),
        ("rwuniq --fields='sip a.rw", "close the quotes"),
        ("rwgroup --id-fields=sip a.rw", "not a tool"),
    ],
)
def test_what_is_no_pipeline_is_named(script: str, message: str) -> None:
    with pytest.raises(TranslationError, match=message):
        pipelines(script)
