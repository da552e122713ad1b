"""Which column of somebody's table is which field: SiLK's names, and those that other tools give."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Final

from flowrules.model.fields import STORED

END_TIME: Final = "etime"
"""The end of a flow, from which its duration is told where there is no column of that."""

SENSOR_NAME: Final = "sensor_name"
TYPE_NAME: Final = "type_name"
CLASS_NAME: Final = "class_name"

REVERSE_PACKETS: Final = "reverse_packets"
REVERSE_BYTES: Final = "reverse_bytes"
"""What flowed back, in rows that count both directions."""

_ALIASES: Final[Mapping[str, str]] = {
    "sip": "sip srcip srcaddr srcaddress saddr sa src source sourceip sourceaddr sourceaddress "
    "sourceipv4address sourceipv6address ipsrc idorigh",
    "dip": "dip dstip dstaddr dstaddress daddr da dst destination destip destinationip destinationaddr "
    "destinationaddress destinationipv4address destinationipv6address ipdst idresph",
    "sport": "sport srcport sp sourceport sourcetransportport l4srcport idorigp",
    "dport": "dport dstport dp destport destinationport destinationtransportport l4dstport idrespp",
    "protocol": "protocol proto pr prot ipproto ipprotocol protocolidentifier",
    "packets": "packets pkts pkt ipkt inpkts packetcount numpackets packetdeltacount "
    "packettotalcount origpkts",
    "bytes": "bytes byte octets ibyt inbytes bytecount numbytes octetdeltacount octettotalcount origipbytes",
    "flags": "flags flag flg tcpflags tcpcontrolbits",
    "stime": "stime starttime start ts timestart timestamp tstart first firstseen flowstart "
    "flowstartmilliseconds flowstartseconds",
    END_TIME: "etime endtime end te timeend tend last lastseen flowend flowendmilliseconds flowendseconds",
    "duration": "duration dur td flowdurationmilliseconds",
    "sensor": "sensor sensorid",
    "input": "input in inputinterface inputsnmp ingressinterface inif",
    "output": "output out outputinterface outputsnmp egressinterface outif",
    "nhip": "nhip nexthop nexthopip nh ipnexthop ipnexthopipv4address",
    "initial_flags": "initialflags iflags initialtcpflags",
    "session_flags": "sessionflags sflags uniontcpflags",
    "attributes": "attributes attribs",
    "application": "application app appid applicationid silkappid",
    "type": "type flowtype flowtypeid",
    "ip_version": "ipversion",
    SENSOR_NAME: "sensorname",
    TYPE_NAME: "typename",
    CLASS_NAME: "classname class",
    REVERSE_PACKETS: "reversepackets reversepkts revpackets revpkts reversepacketcount reversepacketdeltacount "
    "reversepackettotalcount resppkts opkt opkts outpkts outpackets",
    REVERSE_BYTES: "reversebytes reverseoctets revbytes revoctets reverseoctetcount reverseoctetdeltacount "
    "reverseoctettotalcount respipbytes obyt obyts outbytes",
}

_BY_NAME: Final = {alias: field for field, names in _ALIASES.items() for alias in names.split()}

_REVERSE: Final = re.compile(
    r"(rev|reverse)[a-z]*(packet|pkt|byte|octet)[a-z]*|resp(ip)?(pkts|bytes)|(s2c|toclient|out)(pkts|packets|bytes)|opkts?|obyts?"
)


def fields_of(names: Iterable[str]) -> dict[str, str]:
    """The column of each field: fields (and the names above) to the names of columns.

    Case, and whatever is no letter or digit, does not count; SiLK's own names go before aliases.
    """
    out: dict[str, str] = {}
    for name in sorted(names, key=lambda one: _plain(one) not in _OWN):
        field = _BY_NAME.get(_plain(name))
        if field is not None:
            out.setdefault(field, name)
    return out


def reverse_columns(names: Iterable[str]) -> list[str]:
    """The columns that seem to count what flowed back, under the names above or others."""
    return [name for name in names if _REVERSE.fullmatch(_plain(name))]


def _plain(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.lower())


_OWN: Final = frozenset(_plain(name) for name in STORED)
