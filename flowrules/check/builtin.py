"""The names that the language brings: fields, directions, protocol words, and what others call them."""

from __future__ import annotations

from typing import Final

from flowrules.model import types as t
from flowrules.model.fields import PROTOCOLS, STORED
from flowrules.model.measures import MEASURES
from flowrules.model.types import Type

_STORED_TYPES: Final = {
    "address": t.ADDRESS,
    "port": t.PORT,
    "protocol": t.PROTOCOL,
    "count": t.COUNT,
    "bytes": t.BYTES,
    "flags": t.FLAGS,
    "time": t.TIME,
    "duration": t.DURATION,
    "label": t.LABEL,
    "input": t.INTERFACE,
    "output": t.INTERFACE,
    "attributes": t.ATTRIBUTES,
    "application": t.APPLICATION,
    "number": t.NUMBER,
}

FIELDS: Final[dict[str, Type]] = {
    **{name: _STORED_TYPES[field.type] for name, field in STORED.items()},
    "etime": t.TIME,
    "bytes_per_packet": t.BYTES,
    "bytes_per_second": t.BYTES,
    "packets_per_second": t.NUMBER,
    "icmp_type": t.ICMP_TYPE,
    "icmp_code": t.ICMP_CODE,
    "class": t.LABEL,
    "inside": t.ADDRESS,
    "outside": t.ADDRESS,
    "inside_port": t.PORT,
    "outside_port": t.PORT,
}
"""Fields of a flow, stored and derived, with their types."""

EITHER_END: Final = {"aip": ("sip", "dip"), "aport": ("sport", "dport")}
"""Words that mean either end of a flow, only with ``in`` and ``=``."""

DIRECTIONS: Final = ("all", "inbound", "outbound", "internal", "external", "blocked")
"""The predefined filters."""

BARE_LABELS: Final = frozenset({"sensor", "type", "class"})
"""Fields whose labels may stand without quotes."""

WEEKDAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")

SITE_MAPS: Final = {"country": t.LABEL, "asn": t.ASN, "name": t.LABEL}
"""Maps of an address that the site binds, with the type of their values."""

KEY_FUNCTIONS: Final = ("bin", "hour", "weekday", "spread", *SITE_MAPS)
FUNCTIONS: Final = frozenset(
    (
        *KEY_FUNCTIONS,
        "known",
        "known_or",
        "count",
        "blocks",
        "block_starts",
        "fill_blocks",
        "previous",
        "unit_share",
        *(m.name for m in MEASURES.values() if m.args),
    )
)
"""What can be called: nobody may give a map one of these names."""

SET_CALLS: Final = ("previous", "blocks", "block_starts", "fill_blocks")
"""Calls that give a set."""

BARE_MEASURES: Final = frozenset(m.name for m in MEASURES.values() if not m.args)
"""Measures without arguments, and ``gap``, which is one."""

WORDS: Final = frozenset(
    (*FIELDS, *EITHER_END, *DIRECTIONS, *PROTOCOLS, "host", "any", "flows", "rows", "share", "gap")
)
"""Words that nobody may declare again, whatever for."""

VALUE_WORDS: Final = BARE_MEASURES | {"share", "gap"}
"""Words that nothing that stands as a value (a parameter, a feature, a column) may be called."""

SEVERITIES: Final = ("info", "notice", "warning", "error")

ALSO_CALLED: Final = {
    "src": "sip", "srcip": "sip", "src_ip": "sip", "saddress": "sip", "saddr": "sip", "source": "sip",
    "dst": "dip", "dstip": "dip", "dst_ip": "dip", "daddress": "dip", "daddr": "dip", "destination": "dip",
    "srcport": "sport", "src_port": "sport", "sp": "sport", "dstport": "dport", "dst_port": "dport", "dp": "dport",
    "proto": "protocol", "ip_proto": "protocol", "pro": "protocol", "prot": "protocol",
    "pkts": "packets", "pkt": "packets", "octets": "bytes", "size": "bytes", "byte": "bytes", "packet": "packets",
    "tcp_flags": "flags", "tcpflags": "flags", "tcp_flag": "flags", "flag": "flags",
    "start": "stime", "starttime": "stime", "start_time": "stime", "start_date": "stime", "time": "stime",
    "end": "etime", "endtime": "etime", "end_time": "etime",
    "dur": "duration", "elapsed": "duration", "bpp": "bytes_per_packet", "pps": "packets_per_second",
    "bps": "bytes_per_second", "next_hop": "nhip", "nexthop": "nhip", "nhop": "nhip",
    "initialflags": "initial_flags", "sessionflags": "session_flags", "flags_initial": "initial_flags",
    "flags_session": "session_flags", "flowtype": "type", "flow_type": "type", "app": "application",
    "icmptype": "icmp_type", "icmpcode": "icmp_code", "itype": "icmp_type", "icode": "icmp_code",
    "any_address": "aip", "anyip": "aip", "ip": "aip", "addr": "aip", "address": "aip", "port": "aport",
    "any_port": "aport", "records": "flows", "record": "flows", "icmpv6": "icmp6", "ipv6_icmp": "icmp6",
    "incoming": "inbound", "outgoing": "outbound", "avg": "mean", "average": "mean", "median": "quantile",
    "percentile": "quantile", "stddev": "deviation", "std": "deviation", "uniq": "distinct", "unique": "distinct",
    "count_distinct": "distinct", "total": "sum", "exists": "known", "is_known": "known", "ipversion": "ip_version",
    "in_interface": "input", "out_interface": "output", "any": "all", "true": "all", "everything": "all",
    "inside_ip": "inside", "outside_ip": "outside", "home": "inside", "far": "outside", "cc": "country", "geo": "country",
    "as_number": "asn", "hostname": "name", "day": "weekday", "dow": "weekday", "ratio": "fraction", "proportion": "fraction",
}  # fmt: skip
"""What other tools call things, and what they are called here."""

LOWEST_HIGHEST: Final[dict[Type, tuple[int, int]]] = {
    t.PORT: (0, 65535),
    t.APPLICATION: (0, 65535),
    t.PROTOCOL: (0, 255),
    t.ICMP_TYPE: (0, 255),
    t.ICMP_CODE: (0, 255),
    t.INTERFACE: (0, 0xFFFF_FFFF),
    t.ASN: (0, 0xFFFF_FFFF),
    t.WEEKDAY: (0, 6),
}
"""The bounds of numbers that name something."""
