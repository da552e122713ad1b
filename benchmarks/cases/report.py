"""The report's nine answers (CMU/SEI-2012-TR-006, sections 5.2.1 and 5.3.1): two sets and their union, rankings by bytes
and by flows, two groupings, two mail sets and one count."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.cases.case import Case, Tables

WEB = (80, 443, 554, 1755, 1935, 8000, 8080)
STREAMING = (554, 1755)
COMMON = (20, 21, 22, 25, 53, 80, 443, 8000, 8080)
MAIL_SERVER = (25, 110, 143, 465, 993, 995)
MAIL_CLIENT = (110, 143, 587, 993, 995)
SUBMISSION = (25, 465)
IN, OUT, INWEB, OUTWEB = 0, 1, 2, 3

RULESET = Path(__file__).resolve().parent.parent / "report_answers.frules"


def cases(_: int) -> list[Case]:
    """The one case."""
    return [
        Case(
            name="report",
            text="the report's nine answers",
            ruleset=RULESET.read_text(),
            columns=("sip", "dip", "sport", "dport", "protocol", "packets", "bytes", "flags", "type"),
            polars=polars,
            polars_hand=polars_hand,
            sql=sql,
            pandas=pandas,
            silk=silk,
        )
    ]


def polars(frame: Any) -> Tables:
    """Two ``collect_all``: the sets, then what depends on them."""
    import polars as pl

    kind, protocol, flags = pl.col("type"), pl.col("protocol"), pl.col("flags")
    out_any = kind.is_in([OUT, OUTWEB])
    talked = (protocol == 6) & (flags & 16 != 0) & (pl.col("packets") >= 4)
    both = protocol.is_in([6, 17])

    def members(condition: Any) -> Any:
        return frame.filter(condition).select("sip").unique()

    tcp, udp, smtp, mail, sent = pl.collect_all(
        [
            members(out_any & talked & pl.col("dport").is_in(WEB)),
            members(out_any & (protocol == 17) & pl.col("dport").is_in(STREAMING)),
            members((kind == OUT) & talked & pl.col("sport").is_in(MAIL_SERVER)),
            members((kind == OUT) & talked & pl.col("dport").is_in(MAIL_CLIENT)),
            frame.filter((kind == OUT) & talked & pl.col("dport").is_in(SUBMISSION)).group_by("sip").len(),
        ]
    )
    web = pl.concat([tcp, udp]).unique()
    clients = web["sip"].implode()
    request = frame.filter(out_any & both & pl.col("dport").is_in(WEB) & pl.col("sip").is_in(clients))
    reply = kind.is_in([IN, INWEB]) & both & pl.col("sport").is_in(WEB) & pl.col("dip").is_in(clients)
    served = out_any & both & pl.col("sport").is_in(COMMON) & pl.col("sip").is_in(clients)
    volume_in, volume_out, destinations, services = pl.collect_all(
        [
            frame.filter(reply).group_by("dip").agg(pl.col("bytes").cast(pl.UInt64).sum()),
            request.group_by("sip").len(),
            request.group_by("sip", "dport", "protocol").len(),
            frame.filter(served).group_by("sip", "sport").len(),
        ]
    )
    return _named(tcp, udp, web, volume_in, volume_out, destinations, services, smtp, mail, sent)


def polars_hand(frame: Any) -> Tables:
    """One ``collect_all``: every host is counted, then clients are kept; the coarser answer comes from the finer."""
    import polars as pl

    kind, protocol = pl.col("type"), pl.col("protocol")
    talked = (protocol == 6) & (pl.col("flags") & 16 != 0) & (pl.col("packets") >= 4)
    both = protocol.is_in([6, 17])
    outward = frame.filter(kind.is_in([OUT, OUTWEB]) & both)
    mail = frame.filter((kind == OUT) & talked)

    def members(rows: Any) -> Any:
        return rows.select("sip").unique()

    tcp, udp, smtp, clients, sent, volume_in, destinations, services = pl.collect_all(
        [
            members(outward.filter(talked & pl.col("dport").is_in(WEB))),
            members(outward.filter((protocol == 17) & pl.col("dport").is_in(STREAMING))),
            members(mail.filter(pl.col("sport").is_in(MAIL_SERVER))),
            members(mail.filter(pl.col("dport").is_in(MAIL_CLIENT))),
            mail.filter(pl.col("dport").is_in(SUBMISSION)).group_by("sip").len(),
            frame.filter(kind.is_in([IN, INWEB]) & both & pl.col("sport").is_in(WEB))
            .group_by("dip")
            .agg(pl.col("bytes").cast(pl.UInt64).sum()),
            outward.filter(pl.col("dport").is_in(WEB)).group_by("sip", "dport", "protocol").len(),
            outward.filter(pl.col("sport").is_in(COMMON)).group_by("sip", "sport").len(),
        ]
    )
    web = pl.concat([tcp, udp]).unique()
    volume_in = volume_in.join(web, left_on="dip", right_on="sip", how="semi")
    destinations = destinations.join(web, on="sip", how="semi")
    services = services.join(web, on="sip", how="semi")
    volume_out = destinations.group_by("sip").agg(pl.col("len").sum())
    return _named(tcp, udp, web, volume_in, volume_out, destinations, services, smtp, clients, sent)


NAMES = (
    "tcp_clients", "udp_clients", "web_clients", "volume_in", "volume_out", "destinations", "services",
    "smtp_servers", "email_clients", "senders",
)  # fmt: skip


def _named(*tables: Any) -> Tables:
    return dict(zip(NAMES, tables, strict=True))


def sql(query: Callable[[str], Any]) -> Tables:
    """The clients once as a table, then a query an answer; the coarser answer comes from the finer."""
    talked = "protocol = 6 and flags & 16 != 0 and packets >= 4"
    both = "protocol in (6, 17)"
    out: dict[str, Any] = {
        "tcp_clients": query(
            f"select distinct sip from f where type in (1, 3) and {talked} and dport in {WEB}"
        ),
        "udp_clients": query(
            f"select distinct sip from f where type in (1, 3) and protocol = 17 and dport in {STREAMING}"
        ),
        "smtp_servers": query(
            f"select distinct sip from f where type = 1 and {talked} and sport in {MAIL_SERVER}"
        ),
        "email_clients": query(
            f"select distinct sip from f where type = 1 and {talked} and dport in {MAIL_CLIENT}"
        ),
        "senders": query(
            f"select sip, count(*) from f where type = 1 and {talked} and dport in {SUBMISSION} group by sip"
        ),
    }
    query(
        "create or replace temp table clients as "
        f"select sip from f where type in (1, 3) and {talked} and dport in {WEB} union "
        f"select sip from f where type in (1, 3) and protocol = 17 and dport in {STREAMING}"
    )
    out["web_clients"] = query("select sip from clients")
    out["volume_in"] = query(
        f"select dip, sum(bytes)::ubigint from f where type in (0, 2) and {both} and sport in {WEB}"
        " and dip in (select sip from clients) group by dip"
    )
    per = "sip, dport, protocol"
    query(
        f"create or replace temp table found as select {per}, count(*) as flows from f where type in (1, 3)"
        f" and {both} and dport in {WEB} and sip in (select sip from clients) group by {per}"
    )
    out["destinations"] = query("select * from found")
    out["volume_out"] = query("select sip, sum(flows)::ubigint from found group by sip")
    out["services"] = query(
        f"select sip, sport, count(*) from f where type in (1, 3) and {both} and sport in {COMMON}"
        " and sip in (select sip from clients) group by sip, sport"
    )
    return out


def pandas(frame: Any) -> Tables:
    """Masks shared between the answers, then ``groupby``."""
    kind, protocol = frame["type"], frame["protocol"]
    outward, both = kind.isin([OUT, OUTWEB]), protocol.isin([6, 17])
    talked = (protocol == 6) & (frame["flags"] & 16 != 0) & (frame["packets"] >= 4)
    mail = (kind == OUT) & talked
    web_port = frame["dport"].isin(WEB)
    tcp = frame["sip"][outward & talked & web_port].unique()
    udp = frame["sip"][outward & (protocol == 17) & frame["dport"].isin(STREAMING)].unique()
    web = {*tcp.tolist(), *udp.tolist()}
    reply = frame.loc[kind.isin([IN, INWEB]) & both & frame["sport"].isin(WEB), ["dip", "bytes"]]
    request = frame.loc[outward & both & web_port, ["sip", "dport", "protocol"]]
    request = request[request["sip"].isin(web)]
    served = frame.loc[outward & both & frame["sport"].isin(COMMON), ["sip", "sport"]]

    def counted(rows: Any, keys: list[str]) -> Any:
        return rows.groupby(keys, as_index=False).size()

    def members(condition: Any) -> Any:
        return [frame["sip"][condition].unique()]

    return {
        "tcp_clients": [tcp],
        "udp_clients": [udp],
        "web_clients": [sorted(web)],
        "volume_in": reply[reply["dip"].isin(web)].groupby("dip", as_index=False)["bytes"].sum(),
        "volume_out": counted(request, ["sip"]),
        "destinations": counted(request, ["sip", "dport", "protocol"]),
        "services": counted(served[served["sip"].isin(web)], ["sip", "sport"]),
        "smtp_servers": members(mail & frame["sport"].isin(MAIL_SERVER)),
        "email_clients": members(mail & frame["dport"].isin(MAIL_CLIENT)),
        "senders": counted(frame.loc[mail & frame["dport"].isin(SUBMISSION), ["sip"]], ["sip"]),
    }


def silk(tools: Any) -> Tables:
    """Nine pipelines of rwfilter with rwset, rwstats or rwuniq, as the report has them."""
    web, common = _list(WEB), _list(COMMON)
    talked = ("--protocol=6", "--flags-all=A/A", "--packets=4-")
    out, outward, inward = ("out",), ("out", "outweb"), ("in", "inweb")
    tcp = tools.set_of(outward, [*talked, f"--dport={web}"], "sip")
    udp = tools.set_of(outward, ["--protocol=17", f"--dport={_list(STREAMING)}"], "sip")
    clients = tools.union(tcp, udp)
    request = ["--protocol=6,17", f"--dport={web}", f"--sipset={clients}"]
    reply = ["--protocol=6,17", f"--sport={web}", f"--dipset={clients}"]
    served = ["--protocol=6,17", f"--sport={common}", f"--sipset={clients}"]
    return {
        "tcp_clients": tools.members(tcp),
        "udp_clients": tools.members(udp),
        "web_clients": tools.members(clients),
        "volume_in": tools.stats(inward, reply, "dip", "bytes"),
        "volume_out": tools.stats(outward, request, "sip", "records"),
        "destinations": tools.uniq(outward, request, "sip,dport,protocol", "records"),
        "services": tools.uniq(outward, served, "sip,sport", "records"),
        "smtp_servers": tools.members(tools.set_of(out, [*talked, f"--sport={_list(MAIL_SERVER)}"], "sip")),
        "email_clients": tools.members(tools.set_of(out, [*talked, f"--dport={_list(MAIL_CLIENT)}"], "sip")),
        "senders": tools.uniq(out, [*talked, f"--dport={_list(SUBMISSION)}"], "sip", "records"),
    }


def _list(ports: tuple[int, ...]) -> str:
    return ",".join(map(str, ports))
