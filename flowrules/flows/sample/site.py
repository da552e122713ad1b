"""What the sample network's site knows of itself, and the files that say it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Final

from attrs import field, frozen

from flowrules.flows.atomic import whole_file
from flowrules.flows.errors import FlowFileError
from flowrules.flows.sample import clock, hosts
from flowrules.flows.sample.assemble import SEED, Records
from flowrules.flows.silk_write import write_silk
from flowrules.flows.table import Chunk

FLOW_FILE: Final = "sample.rw"
SITE_FILE: Final = "site.yaml"
CONFIG_FILE: Final = "silk.conf"

Progress = Callable[[int, int], None]
"""Called with the number of records written and of all."""


def _dotted(octets: Iterable[int]) -> tuple[str, ...]:
    return tuple(f"203.0.113.{octet}" for octet in sorted(octets))


_MAIL = (hosts.MAIL_RELAY_IN, hosts.MAIL_WEB, hosts.MAIL_OUT, hosts.MAIL_MAIN)


@frozen
class SampleNetwork:
    """The sample network's own description: what its site file binds.

    ``first_ms`` and ``span_ms`` are the first instant (ms since 1970 UTC) and how long requests go on;
    ``sets`` are address sets by the parameter's name, ``maps`` labels of addresses in the same way.
    """

    internal: tuple[str, ...] = hosts.INTERNAL
    office: str = clock.OFFICE
    first_ms: int = clock.FIRST_MS
    span_ms: int = clock.SPAN_MS
    sets: Mapping[str, tuple[str, ...]] = field(
        factory=lambda: {"mx": _dotted(_MAIL), "servers": _dotted(hosts.SERVERS)}
    )
    maps: Mapping[str, Mapping[str, str]] = field(
        factory=lambda: {
            "banner": {
                "203.0.113.195": "220 mx1.example.net ESMTP ready",
                "203.0.113.221": "220 mx2.example.net ESMTP ready",
                "203.0.113.222": "220 out.example.net ESMTP ready",
                "203.0.113.231": "220 mail.example.net ESMTP ready",
            },
            "webmail": {"203.0.113.221": "Example Net Webmail"},
        }
    )
    names: Mapping[str, str] = field(
        factory=lambda: {
            "203.0.113.33": "gw.example.net",
            "203.0.113.195": "mx1.example.net",
            "203.0.113.220": "proxy1.example.net",
            "203.0.113.221": "mx2.example.net",
            "203.0.113.222": "out.example.net",
            "203.0.113.231": "mail.example.net",
        }
    )

    def site(self) -> dict[str, object]:
        """The site file as data."""
        return {
            "internal": list(self.internal),
            "schedules": {"office": self.office},
            "sets": {name: f"sets/{name}.set" for name in self.sets},
            "maps": {name: f"maps/{name}.csv" for name in self.maps},
            "names": dict(self.names),
        }

    def files(self) -> dict[str, str]:
        """The text of every file beside the flows, by its path below the folder."""
        files = {SITE_FILE: self._site_text(), CONFIG_FILE: _SILK_CONF}
        for name, addresses in self.sets.items():
            files[f"sets/{name}.set"] = "".join(f"{address}\n" for address in addresses)
        for name, labels in self.maps.items():
            rows = "".join(f'{address},"{label}"\n' for address, label in labels.items())
            files[f"maps/{name}.csv"] = "address,label\n" + rows
        return files

    def write_files(self, folder: Path) -> None:
        """Write the site file, silk.conf, sets and maps below a folder, which is made where it is missing."""
        for name, text in self.files().items():
            path = folder / name
            _make(path.parent)
            with whole_file(path) as file:
                file.write(text.encode())

    def _site_text(self) -> str:
        lines = ["# The site of the sample network: synthetic, like its flows.", ""]
        lines.append(f"internal: [{', '.join(self.internal)}]")
        lines.append(f'schedules: {{office: "{self.office}"}}')
        lines.append("sets:")
        notes = {
            "mx": "inside addresses that the domain's MX records name",
            "servers": "hosts that the site runs as servers",
            "banner": "first line that each said on TCP 25",
            "webmail": "title of the page on 443",
        }
        lines += [f"  {name}: sets/{name}.set  # {notes[name]}" for name in self.sets]
        lines.append("maps:")
        lines += [f"  {name}: maps/{name}.csv  # {notes[name]}" for name in self.maps]
        lines.append("names:")
        lines += [f"  {address}: {name}" for address, name in self.names.items()]
        return "\n".join(lines) + "\n"


SAMPLE_NETWORK: Final = SampleNetwork()

_SILK_CONF: Final = """\
# One class, SiLK's eleven types, the one sensor of the sample network.
version 2

sensor 0 S0

class all
    sensors S0
end class

class all
    type 0 in in
    type 1 out out
    type 2 inweb iw
    type 3 outweb ow
    type 4 innull innull
    type 5 outnull outnull
    type 6 int2int int2int
    type 7 ext2ext ext2ext
    type 8 inicmp inicmp
    type 9 outicmp outicmp
    type 10 other other
    default-types in inweb inicmp
end class

default-class all
"""


def write_sample(
    folder: Path, scale: float = 1.0, seed: int = SEED, progress: Progress | None = None
) -> Path:
    """Write the sample network below ``folder``: flows, site file, silk.conf, sets and maps.

    ``progress`` is called before the first record and after each chunk.  Returns the path of the
    flow file.  The folder is made where it is missing; files of these names are replaced, each when
    it is whole.  Raises ``ValueError`` for a bad scale or seed and ``FlowFileError`` where the system
    refuses to write.
    """
    records = Records(scale, seed)
    flows = folder / FLOW_FILE
    _make(folder)
    write_silk(
        flows,
        _watched(records, progress),
        ipv6=False,
        annotation=f"synthetic: the sample network of flowrules, scale {scale}, seed {seed}",
    )
    SAMPLE_NETWORK.write_files(folder)
    return flows


def _make(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise FlowFileError(folder, f"cannot be made: {reason}", expected="a folder to write to") from error


def _watched(records: Records, progress: Progress | None) -> Iterator[Chunk]:
    if progress is not None:
        progress(0, len(records))
    for chunk in records.chunks():
        yield chunk
        if progress is not None:
            progress(chunk.first + chunk.rows, len(records))
