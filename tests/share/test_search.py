"""Finding rulesets: arguments, imports, the search path, and files that are no rulesets."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from flowrules.model import resources
from flowrules.model.source_text import SourceText
from flowrules.share.ruleset_file import ruleset_name
from flowrules.share.search import Search
from flowrules.syntax.diagnostics import RulesetErrors
from flowrules.syntax.source_file import LARGEST


@pytest.fixture(autouse=True)
def shipped(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Stands for the shipped rulesets: sei.ports and sei.web_clients."""
    folder = tmp_path_factory.mktemp("shipped")
    write(folder / "sei/ports.frules", 'ruleset sei.ports { version "1" }\nports web = 80, 443\n')
    write(folder / "sei/web_clients.frules", "import sei.ports (web)\nruleset sei.web_clients {}\n")
    monkeypatch.setattr(resources, "_folder", lambda name: folder)
    resources.shipped_rulesets.cache_clear()
    return folder


@pytest.fixture(autouse=True)
def _shipped_again(shipped: Path) -> object:
    yield
    resources.shipped_rulesets.cache_clear()


def write(path: Path, text: str | bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


def resolve(
    *arguments: str | Path, search: Search | None = None, standard_input: bytes = b""
) -> list[SourceText]:
    """The texts that the arguments stand for, which have no faults."""
    texts, faults = (search or Search()).resolve_arguments(
        [str(a) for a in arguments], lambda size: standard_input[:size]
    )
    assert not faults
    return texts


def faults(*arguments: str | Path, standard_input: bytes = b"") -> list[str]:
    """Code, place, message and hint of all that is wrong with the arguments."""
    _, faults = Search().resolve_arguments([str(a) for a in arguments], lambda size: standard_input[:size])
    return [
        f"{f.code} {f'{f.span.path}:{f.span.line}:{f.span.column}: ' if f.span else ''}{f.message}"
        + (f" ({f.hint})" if f.hint else "")
        for f in faults
    ]


# ---------------------------------------------------------------- the name that a file gives itself


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("ruleset sei.mail { }", "sei.mail"),
        ("\ufeffruleset sei.mail{", "sei.mail"),
        ("## About it.\r\n# ruleset not.this {\r\nruleset\tsei . mail\n{", "sei.mail"),
        ('import a.b (c)\nports web = 80 # "\nruleset sei.mail { title "x" }', "sei.mail"),
        ('test "ruleset a {" { flows """\nruleset b {\n""" }\nruleset c {}', "c"),
        ('test "\\"ruleset a {" {}', "file"),
        ("", "file"),
        ("filter my_ruleset = tcp", "file"),
        ("x.ruleset a {", "file"),
        ('flows """ never closed\nruleset b {', "file"),
    ],
)
def test_a_ruleset_is_named_by_its_ruleset_line_and_else_by_its_file(
    tmp_path: Path, text: str, name: str
) -> None:
    assert ruleset_name(write(tmp_path / "file.frules", text)) == name


def test_the_name_is_looked_for_at_the_head_alone(tmp_path: Path) -> None:
    text = "#\n" * 40_000 + "ruleset late {}"
    assert ruleset_name(write(tmp_path / "file.frules", text)) == "file"


# ---------------------------------------------------------------- arguments


def test_files_folders_and_names_in_their_order(tmp_path: Path) -> None:
    one = write(tmp_path / "one.txt", "ruleset one {}")
    write(tmp_path / "d/b.frules", "ruleset b {}")
    write(tmp_path / "d/a/z.frules", "ruleset z {}")
    write(tmp_path / "d/readme.md", "ruleset not.one {}")
    write(tmp_path / "d/.git/x.frules", "ruleset hidden {}")
    texts = resolve(tmp_path / "d", "sei.web_clients", one)
    assert [t.path for t in texts] == [
        str(tmp_path / "d/a/z.frules"),
        str(tmp_path / "d/b.frules"),
        "shipped:sei/web_clients.frules",
        str(one),
    ]
    assert texts[0].text == "ruleset z {}"


def test_standard_input() -> None:
    texts = resolve("-", "-", standard_input=b"filter x = tcp")
    assert [(t.path, t.text) for t in texts] == [("-", "filter x = tcp")]


def test_a_file_named_twice_counts_once(tmp_path: Path) -> None:
    file = write(tmp_path / "a.frules", "ruleset a {}")
    (tmp_path / "link.frules").symlink_to(file)
    assert [t.path for t in resolve(file, tmp_path, tmp_path / "link.frules")] == [str(file)]


def test_circles_of_folders_end(tmp_path: Path) -> None:
    write(tmp_path / "a/x.frules", "ruleset x {}")
    (tmp_path / "a/again").symlink_to(tmp_path)
    assert [t.path for t in resolve(tmp_path)] == [str(tmp_path / "a/x.frules")]


def test_two_rulesets_of_one_name_are_an_error(tmp_path: Path) -> None:
    one = write(tmp_path / "a.frules", "ruleset x.y {}")
    two = write(tmp_path / "b.frules", "ruleset x.y {} # other")
    assert faults(one, two) == [
        f"FR502 {one}: the ruleset x.y is also in {two}, with another text (give one of them a name of its own)"
    ]


def test_every_fault_of_every_argument_is_told(tmp_path: Path) -> None:
    write(tmp_path / "mail.frules", "")
    (tmp_path / "empty").mkdir()
    write(tmp_path / "two/a.frules", b"filter \xff")
    write(tmp_path / "two/b.frules", b"a\nb \xff\xff")
    assert faults(
        tmp_path / "mial.frules",
        tmp_path / "empty",
        tmp_path / "no/where.frules",
        "sei.web_client",
        "sei.nothing_like_it",
        tmp_path / "two",
    ) == [
        f"FR501 {tmp_path}/mial.frules: there is no such file or folder (did you mean {tmp_path}/mail.frules?)",
        f"FR501 {tmp_path}/empty: the folder holds no ruleset (files that end in .frules)",
        f"FR501 {tmp_path}/no/where.frules: there is no folder {tmp_path}/no",
        "FR501 sei.web_client: there is no file, folder or ruleset of this name"
        " (did you mean sei.web_clients?)",
        "FR501 sei.nothing_like_it: there is no file, folder or ruleset of this name",
        f"FR129 {tmp_path}/two/a.frules:1:8: byte 0xff at offset 7 is not UTF-8"
        " (the file is perhaps Latin-1: save it as UTF-8)",
        f"FR129 {tmp_path}/two/b.frules:2:3: byte 0xff at offset 4 is not UTF-8"
        " (the file is perhaps Latin-1: save it as UTF-8)",
    ]


def test_faults_of_one_file_leave_the_others_to_be_checked(tmp_path: Path) -> None:
    good = write(tmp_path / "good.frules", "ruleset good {}")
    texts, found = Search().resolve_arguments([str(good), "nowhere.frules"])
    assert [t.path for t in texts] == [str(good)]
    assert [f.code for f in found] == ["FR501"]


def test_a_huge_file_is_refused_by_its_size(tmp_path: Path) -> None:
    huge = tmp_path / "huge.frules"
    with huge.open("wb") as out:
        out.truncate(50_000_000)
    (fault,) = faults(huge)
    assert fault.startswith(
        f"FR128 {huge}:1:1: the file has 50,000,000 bytes, and a ruleset has at most 8,388,608"
    )
    (fault,) = faults("-", standard_input=b" " * 9_000_000)
    assert fault.startswith("FR128 -:1:1: the file has 8,388,609 bytes")
    full = write(tmp_path / "full.frules", b" " * LARGEST)
    assert len(resolve(full)[0].text) == LARGEST


def test_a_file_that_may_not_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = write(tmp_path / "a.frules", "")

    def refuse(self: Path, mode: str = "r") -> None:
        raise PermissionError(13, "Permission denied", str(self))

    monkeypatch.setattr(Path, "open", refuse)
    assert faults(file) == [f"FR503 {file}: permission denied"]


def test_a_pipe_is_read_once() -> None:
    read, end = os.pipe()
    os.write(end, b"ruleset piped {}")
    os.close(end)
    try:
        assert resolve(f"/dev/fd/{read}")[0].text == "ruleset piped {}"
    finally:
        os.close(read)


# ---------------------------------------------------------------- imports


def test_an_import_is_found_beside_the_file_then_on_the_path_then_among_the_shipped(tmp_path: Path) -> None:
    mine = write(tmp_path / "here/mine.frules", "import beside\n")
    beside = write(tmp_path / "here/some_file.frules", "ruleset beside {}")
    write(tmp_path / "here/deeper/x.frules", "ruleset deeper {}")
    on_path = write(tmp_path / "path/a/b.frules", "ruleset on_path {}")
    search = Search([tmp_path / "path"])

    def found(name: str) -> str | None:
        text = search.find_ruleset(name, str(mine))
        return None if text is None else text.path

    assert found("beside") == str(beside)
    assert found("on_path") == str(on_path)
    assert found("sei.ports") == "shipped:sei/ports.frules"
    assert found("deeper") is None
    assert found("some_file") is None
    assert search.names(str(mine)) == ["beside", "mine", "on_path", "sei.ports", "sei.web_clients"]
    assert search.find_ruleset("beside", "shipped:sei/web_clients.frules") is None


def test_files_of_the_command_line_import_one_another(tmp_path: Path) -> None:
    a = write(tmp_path / "a/a.frules", "import b")
    write(tmp_path / "b/b.frules", "ruleset b {}")
    search = Search()
    resolve(a, tmp_path / "b", search=search)
    found = search.find_ruleset("b", str(a))
    assert found is not None and found.path == str(tmp_path / "b/b.frules")


def test_a_file_that_hides_another_is_an_error_and_a_copy_is_not(tmp_path: Path, shipped: Path) -> None:
    mine = write(tmp_path / "mine.frules", "import sei.ports")
    copy = write(tmp_path / "ports.frules", (shipped / "sei/ports.frules").read_bytes())
    found = Search().find_ruleset("sei.ports", str(mine))
    assert found is not None and found.path == str(copy)
    write(copy, "ruleset sei.ports {}")
    with pytest.raises(RulesetErrors, match=r"ruleset sei\.ports is also in shipped:sei/ports\.frules"):
        Search().find_ruleset("sei.ports", str(mine))


def test_the_path_variable_names_folders(tmp_path: Path) -> None:
    write(tmp_path / "a/x.frules", "ruleset x {}")
    (tmp_path / "b").mkdir()
    names = os.pathsep.join(["", str(tmp_path / "a"), str(tmp_path / "b")])
    assert "x" in Search.from_environment({"FLOWRULES_PATH": names}).names()
    with pytest.raises(RulesetErrors, match=r"nowhere: \$FLOWRULES_PATH names it, and it is not a folder"):
        Search.from_environment({"FLOWRULES_PATH": str(tmp_path / "nowhere")})
    assert Search.from_environment({}).names() == ["sei.ports", "sei.web_clients"]
