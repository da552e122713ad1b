"""Finding rulesets: arguments, imports, the search path, and files that are no rulesets."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from flowrules.model import resources
from flowrules.share.errors import InputError
from flowrules.share.ruleset_file import ruleset_name
from flowrules.share.search import Search
from flowrules.share.text_file import RULESET


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


def faults(*arguments: str | Path, search: Search | None = None) -> list[str]:
    with pytest.raises(InputError) as caught:
        (search or Search()).resolve_arguments([str(a) for a in arguments])
    return list(caught.value.messages)


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
    texts = Search().resolve_arguments([str(tmp_path / "d"), "sei.web_clients", str(one)])
    assert [t.path for t in texts] == [
        str(tmp_path / "d/a/z.frules"),
        str(tmp_path / "d/b.frules"),
        "shipped:sei/web_clients.frules",
        str(one),
    ]
    assert texts[0].text == "ruleset z {}"


def test_standard_input() -> None:
    texts = Search().resolve_arguments(["-"], lambda size: b"filter x = tcp")
    assert [(t.path, t.text) for t in texts] == [("-", "filter x = tcp")]


def test_a_file_named_twice_counts_once(tmp_path: Path) -> None:
    file = write(tmp_path / "a.frules", "ruleset a {}")
    (tmp_path / "link.frules").symlink_to(file)
    texts = Search().resolve_arguments([str(file), str(tmp_path), str(tmp_path / "link.frules")])
    assert [t.path for t in texts] == [str(file)]


def test_two_rulesets_of_one_name_are_an_error(tmp_path: Path) -> None:
    one = write(tmp_path / "a.frules", "ruleset x.y {}")
    two = write(tmp_path / "b.frules", "ruleset x.y {} # other")
    assert faults(one, two) == [
        f"{one}: the ruleset x.y is also in {two}, with another text (give one of them a name of its own)"
    ]


def test_every_fault_of_every_argument_is_told(tmp_path: Path) -> None:
    write(tmp_path / "mail.frules", "")
    (tmp_path / "empty").mkdir()
    write(tmp_path / "two/a.frules", b"filter \xff")
    write(tmp_path / "two/b.frules", b"a\nb\0")
    assert faults(
        tmp_path / "mial.frules",
        tmp_path / "empty",
        tmp_path / "no/where.frules",
        "sei.web_client",
        "sei.nothing_like_it",
        "-",
        tmp_path / "two",
    ) == [
        f"{tmp_path}/mial.frules: there is no such file or folder: did you mean {tmp_path}/mail.frules?",
        f"{tmp_path}/empty: the folder holds no ruleset (files that end in .frules)",
        f"{tmp_path}/no/where.frules: there is no folder {tmp_path}/no",
        "sei.web_client: there is no file, folder or ruleset of this name: did you mean sei.web_clients?",
        "sei.nothing_like_it: there is no file, folder or ruleset of this name",
        "-: standard input cannot be read here",
        f"{tmp_path}/two/a.frules:1: found byte 0xff at offset 7, expected UTF-8 text (save the file as UTF-8)",
        f"{tmp_path}/two/b.frules:2: found a NUL byte at offset 3, expected text (flow files go after --flows)",
    ]


def test_files_that_are_no_rulesets(tmp_path: Path) -> None:
    utf16 = write(tmp_path / "w.frules", "ruleset a {}".encode("utf-16"))
    assert faults(utf16) == [
        f"{utf16}: found UTF-16 text at offset 0, expected UTF-8 (save the file as UTF-8)"
    ]
    marked = write(tmp_path / "m.frules", b"\xef\xbb\xbfports x = \xe9")
    assert faults(marked)[0].startswith(f"{marked}:1: found byte 0xe9 at offset 13")
    cut = write(tmp_path / "c.frules", b"# \xe2\x82")
    assert faults(cut)[0].startswith(f"{cut}:1: found byte 0xe2 at offset 2")


def test_a_byte_order_mark_is_no_text(tmp_path: Path) -> None:
    file = write(tmp_path / "m.frules", b"\xef\xbb\xbfports x = 1")
    assert Search().resolve_arguments([str(file)])[0].text == "ports x = 1"


def test_a_huge_file_is_refused_by_its_size(tmp_path: Path) -> None:
    huge = tmp_path / "huge.frules"
    with huge.open("wb") as out:
        out.truncate(50_000_000)
    assert faults(huge)[0].startswith(f"{huge}: a ruleset has at most 8 MiB, and this is 50.0 MB")
    with pytest.raises(InputError, match="-: a ruleset has at most 8 MiB, and this does not end there"):
        Search().resolve_arguments(["-"], lambda size: b" " * size)
    full = write(tmp_path / "full.frules", b" " * RULESET.limit)
    assert len(Search().resolve_arguments([str(full)])[0].text) == RULESET.limit


def test_a_file_that_may_not_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = write(tmp_path / "a.frules", "")

    def refuse(self: Path, mode: str = "r") -> None:
        raise PermissionError(13, "Permission denied", str(self))

    monkeypatch.setattr(Path, "open", refuse)
    assert faults(file) == [f"{file}: permission denied"]


def test_a_pipe_is_read_once(tmp_path: Path) -> None:
    read, end = os.pipe()
    os.write(end, b"ruleset piped {}")
    os.close(end)
    try:
        assert Search().resolve_arguments([f"/dev/fd/{read}"])[0].text == "ruleset piped {}"
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
    search.resolve_arguments([str(a), str(tmp_path / "b")])
    found = search.find_ruleset("b", str(a))
    assert found is not None and found.path == str(tmp_path / "b/b.frules")


def test_a_file_that_hides_another_is_an_error_and_a_copy_is_not(tmp_path: Path, shipped: Path) -> None:
    mine = write(tmp_path / "mine.frules", "import sei.ports")
    copy = write(tmp_path / "ports.frules", (shipped / "sei/ports.frules").read_bytes())
    found = Search().find_ruleset("sei.ports", str(mine))
    assert found is not None and found.path == str(copy)
    write(copy, "ruleset sei.ports {}")
    with pytest.raises(InputError, match=r"ruleset sei\.ports is also in shipped:sei/ports\.frules"):
        Search().find_ruleset("sei.ports", str(mine))


def test_the_path_variable_names_folders(tmp_path: Path) -> None:
    write(tmp_path / "a/x.frules", "ruleset x {}")
    (tmp_path / "b").mkdir()
    names = os.pathsep.join(["", str(tmp_path / "a"), str(tmp_path / "b")])
    assert "x" in Search.from_environment({"FLOWRULES_PATH": names}).names()
    with pytest.raises(InputError, match=r"nowhere: \$FLOWRULES_PATH names it, and it is not a folder"):
        Search.from_environment({"FLOWRULES_PATH": str(tmp_path / "nowhere")})
    assert Search.from_environment({}).names() == ["sei.ports", "sei.web_clients"]
