"""The Python interface: load rulesets, run them over flows, hold the results as arrays and tables.

    import flowrules

    rules = flowrules.load("sei.web_clients", site="site.yaml")
    found = rules.run("flows/")
    found.tables["volume_in"].rows()

Rulesets are named as on the command line.  Flows are paths, arrays by field name, chunks' sources, or
anything with ``__arrow_c_stream__`` (Polars, DuckDB, pandas, pyarrow).  Everything raises the exceptions
that the command turns into messages: ``RulesetErrors``, ``FlowFileError``, ``MissingField``.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

import numpy as np
from attrs import field, frozen
from numpy.typing import NDArray

from flowrules.engine.exact import floats
from flowrules.engine.results import Series, SetResult, TableResult
from flowrules.engine.stage import Executor
from flowrules.flows.silk_conf import BUILT_IN, SilkConf
from flowrules.flows.table import CHUNK_ROWS, Chunk, FlowSource, widen
from flowrules.model.address_set import AddressSet
from flowrules.model.collector import collector_held_off
from flowrules.model.fields import STORED
from flowrules.model.program import Program
from flowrules.model.structural import Shown
from flowrules.profile.findings import AnomalyFinding, CheckFinding, EntryRow, NetworkProfile, ProfileFindings

PathLike = str | os.PathLike[str]

SHOWN_ROWS = 50
"""How many rows a notebook shows of a table."""


def load(*rulesets: PathLike, site: PathLike | None = None, set: Mapping[str, str] | None = None) -> Rules:
    """Find, parse and check rulesets (files, folders or names) with a site file and parameters bound.

    ``set`` maps ``ruleset.name`` or ``name`` to the value as it would stand after ``=`` in a ruleset.  Raises
    ``RulesetErrors`` with every error of every file.
    """
    with collector_held_off():
        return _load(rulesets, site, set or {})


def _load(rulesets: Sequence[PathLike], site: PathLike | None, settings: Mapping[str, str]) -> Rules:
    from flowrules.check.check import check
    from flowrules.share.binding import bind
    from flowrules.share.parameter_files import ParameterFiles
    from flowrules.share.search import Search
    from flowrules.share.site import Site, load_site
    from flowrules.syntax.diagnostics import RulesetErrors

    search = Search.from_environment()
    roots, faults = search.resolve_arguments([os.fspath(r) for r in rulesets])
    binder = ParameterFiles()
    given = [f"{name}={value}" for name, value in settings.items()]
    bindings = bind(Site() if site is None else load_site(Path(site)), given, binder)
    result = check(roots, search.find_ruleset, bindings, binder, "run", search.names)
    diagnostics = [*faults, *result.diagnostics]
    if result.program is None or any(d.is_error for d in diagnostics):
        raise RulesetErrors(diagnostics, result.sources)
    return Rules(result.program)


@frozen(eq=False, repr=False)
class Rules(Shown):
    """Checked rulesets, ready to run any number of times."""

    program: Program

    def run(
        self,
        flows: Any,
        *,
        previous: PathLike | None = None,
        threads: int | None = None,
        silk_config: PathLike | None = None,
        progress: Callable[[int], None] | None = None,
        kernels: str = "auto",
        state: PathLike | None = None,
        engine: Any = "threads",
        scheduler: str | None = None,
        workers: int | None = None,
    ) -> Found:
        """Evaluate the rulesets over flows.

        ``flows``: a path or several, a mapping of field names to numpy arrays (see ``arrays``), a
        ``FlowSource`` or several, or anything with ``__arrow_c_stream__``.  ``previous`` is the JSON of an
        earlier run, ``progress`` is told how many records are done.  ``kernels`` (``auto``, ``numpy`` or
        ``compiled``) changes nothing but the time that it takes; compiled ones that cannot be used are a
        ``RuntimeWarning``.  ``state`` is a folder that keeps what is counted of flow files and column stores, so that
        the next run reads only what is new; what cannot be used or kept is a ``RuntimeWarning``.

        ``engine`` is ``"threads"`` (of this process), ``"dask"`` or a ``distributed.Client``.  ``"dask"`` connects to the
        ``scheduler`` at an address, or starts so many ``workers`` on this machine (``None``: one for each core).  Raises
        ``ClusterError`` where a cluster cannot be reached or used.
        """
        with collector_held_off():
            from flowrules.engine.kernels import use
            from flowrules.engine.kernels.choice import choose
            from flowrules.engine.run import run
            from flowrules.profile.build import build
            from flowrules.profile.previous import read_previous

        sources, conf = _sources(flows, silk_config)
        chosen = choose(kernels, sources)
        if chosen.note is not None:
            warnings.warn(chosen.note, RuntimeWarning, stacklevel=2)
        use(chosen.kernels)
        earlier = None if previous is None else read_previous(Path(previous), self.program)
        kept = None
        if state is not None:
            from flowrules.engine.state.folder import State

            kept = State.open(Path(state))
        with _executor(engine, scheduler, workers) as executor:
            results = run(
                self.program,
                sources,
                conf=conf,
                threads=threads,
                progress=progress,
                previous=earlier,
                state=kept,
                executor=executor,
            )
        for message in () if kept is None else kept.messages:
            warnings.warn(f"state: {message}", RuntimeWarning, stacklevel=2)
        return Found(build(self.program, results, earlier))

    def explain(self) -> str:
        """The plan: scans, columns, shared predicates, what is deferred."""
        from flowrules.plan.explain import explain
        from flowrules.plan.planner import make_plan

        return explain(make_plan(self.program))


def _executor(
    engine: Any, scheduler: str | None, workers: int | None
) -> AbstractContextManager[Executor | None]:
    if engine == "threads":
        if scheduler is not None or workers is not None:
            raise ValueError('scheduler and workers are for engine="dask"')
        return nullcontext()
    from flowrules.cluster.connecting import cluster, connected

    if engine == "dask":
        return cluster(scheduler, workers)
    if isinstance(engine, str):
        raise ValueError(f"there is no engine {engine!r}: expected 'threads', 'dask' or a distributed.Client")
    return connected(engine)


def arrays(columns: Mapping[str, NDArray[Any]]) -> FlowSource:
    """Flows in numpy arrays of one length, by field name (``sip``, ``dport``, ``stime`` …).

    Addresses are ``uint32`` (IPv4) or dtype ``flowrules.model.fields.ADDRESS``; times int64 ms since 1970
    UTC; the others as the field catalogue says.  Nothing is copied where the dtype fits.  Raises
    ``ValueError`` for an unknown field or lengths that differ.
    """
    lengths = {len(c) for c in columns.values()}
    if len(lengths) > 1:
        raise ValueError(f"the columns have different lengths: {sorted(lengths)}")
    rows = lengths.pop() if lengths else 0
    held: dict[str, NDArray[Any]] = {}
    for name, column in columns.items():
        if name not in STORED:
            from difflib import get_close_matches

            near = get_close_matches(name, STORED, 1)
            raise ValueError(f"there is no field {name}" + (f": did you mean {near[0]}?" if near else ""))
        dtype = STORED[name].dtype
        wider = name in ("packets", "bytes") and column.dtype in (np.uint32, np.uint64)
        held[name] = column if dtype is None or wider else np.asarray(column).astype(dtype, copy=False)
    wide = [n for n in ("sip", "dip", "nhip") if n in held and held[n].dtype.names]
    if wide:
        held |= {n: widen(held[n]) for n in ("sip", "dip", "nhip") if n in held}

    def read(fields: frozenset[str] | None, size: int = CHUNK_ROWS) -> Iterator[Chunk]:
        whole = Chunk({n: c for n, c in held.items() if fields is None or n in fields}, rows)
        for start in range(0, rows, size):
            yield whole.slice(start, min(start + size, rows))

    return FlowSource("arrays", "arrays", frozenset(held), read, records=rows)


def _sources(flows: Any, silk_config: PathLike | None) -> tuple[Sequence[FlowSource], SilkConf]:
    if isinstance(flows, str | os.PathLike):
        flows = [flows]
    if isinstance(flows, FlowSource):
        flows = [flows]
    if hasattr(flows, "__arrow_c_stream__"):
        from flowrules.flows.arrow import arrow_conf, arrow_source

        conf = arrow_conf(flows) or BUILT_IN
        return [arrow_source(flows, conf=conf)], conf
    if isinstance(flows, Mapping):
        return [arrays(flows)], BUILT_IN
    given = list(flows)
    if given and all(isinstance(f, FlowSource) for f in given):
        if silk_config is None:
            return given, BUILT_IN
        from flowrules.flows.silk_conf import read_silk_conf

        return given, read_silk_conf(silk_config)
    from flowrules.flows.sources import open_sources

    opened = open_sources(given, silk_config=silk_config)
    return opened, opened.conf


@frozen(eq=False, repr=False)
class Table(Shown):
    """A table's kept rows: keys, measures, and the share and cumulative share of the first measure."""

    name: str
    title: str
    result: TableResult = field(repr=False)

    @property
    def series(self) -> Mapping[str, Series]:
        """Every column with its type and what is known of it."""
        columns = dict(self.result.frame.columns)
        for name, series in (("share", self.result.share), ("cumulative", self.result.cumulative)):
            if series is not None and name not in columns:
                columns[name] = series
        return columns

    def __len__(self) -> int:
        return self.result.frame.rows

    def rows(self) -> list[tuple[Any, ...]]:
        """Rows as tuples: addresses and times as text, shares as float, unknown as ``None``."""
        columns = [_plain_column(s) for s in self.series.values()]
        return list(zip(*columns, strict=True))

    def to_numpy(self) -> dict[str, NDArray[Any]]:
        """Columns as arrays: whole numbers ``int64``, ratios and unknown numbers ``float64`` (NaN), times
        ``datetime64[ms]``, addresses and labels ``object`` of ``str``."""
        return {name: _array(series) for name, series in self.series.items()}

    def to_arrow(self) -> Any:
        """The table as a ``pyarrow.Table`` (extra ``arrow``); unknown is null."""
        import pyarrow as pa

        out = {}
        for name, series in self.series.items():
            values = _plain_column(series)
            if series.type.name == "time":
                out[name] = pa.array(
                    [series.scalar(r) for r in range(len(series))], pa.timestamp("ms", tz="UTC")
                )
            else:
                out[name] = pa.array(values)
        return pa.table(out)

    def __arrow_c_stream__(self, requested_schema: Any = None) -> Any:
        """The Arrow stream, for Polars, DuckDB and pandas."""
        return self.to_arrow().__arrow_c_stream__(requested_schema)

    def _repr_html_(self) -> str:
        caption = f"{self.name}: {self.title}" if self.title else self.name
        return _html(caption, list(self.series), self.rows())


@frozen(eq=False, repr=False)
class Found(Shown):
    """What a run found.  Names are as in the ruleset; with several rulesets, ``ruleset:name`` too."""

    profile: NetworkProfile = field(repr=False)

    @property
    def tables(self) -> Mapping[str, Table]:
        """The tables by name."""
        program = self.profile.program
        return self._by_name(
            {
                n: Table(n.partition(":")[2], program.tables[n].title, t)
                for n, t in self.profile.results.tables.items()
            }
        )

    @property
    def sets(self) -> Mapping[str, AddressSet | list[tuple[Any, ...]]]:
        """The sets by name: an ``AddressSet``, or the members of a set of tuples."""
        named = {n: s for n, s in self.profile.results.sets.items() if n in self.profile.program.sets}
        return self._by_name({n: _members(s) for n, s in named.items()})

    @property
    def profiles(self) -> Mapping[str, ProfileFindings]:
        """The profiles by name: hosts with verdicts, features and evidence, and entries."""
        return self._by_name(self.profile.profiles)

    @property
    def entries(self) -> list[EntryRow]:
        """The rows of the network's profile, over all profiles."""
        return [e for p in self.profile.profiles.values() for e in p.entries]

    @property
    def anomalies(self) -> Sequence[AnomalyFinding]:
        """The anomalies found."""
        return self.profile.anomalies

    @property
    def checks(self) -> Sequence[CheckFinding]:
        """The checks of the data, those that hold and those that do not."""
        return self.profile.checks

    @property
    def records(self) -> int:
        """How many flows were read."""
        return self.profile.results.flows.records

    def to_json(self) -> dict[str, Any]:
        """What ``--format json`` prints, as plain data."""
        from flowrules.report.json_report import to_json

        return to_json(self.profile)

    def to_text(self, limit: int | None = 20) -> str:
        """What ``--format text`` prints."""
        from flowrules.report.document import document
        from flowrules.report.text_report import text_report

        return text_report(document(self.profile, limit))

    def _by_name(self, named: Mapping[str, Any]) -> dict[str, Any]:
        shown = {r.name for r in self.profile.program.rulesets.values() if r.shown}
        mine = {n: v for n, v in named.items() if n.partition(":")[0] in shown}
        short: dict[str, Any] = {}
        for name, value in mine.items():
            short.setdefault(name.partition(":")[2], value)
        return short if len(shown) == 1 else {**short, **mine}

    def _repr_html_(self) -> str:
        columns = [
            "ruleset",
            "profile",
            "protocol",
            "internal",
            "port",
            "external",
            "port",
            "name",
            "comment",
        ]
        from flowrules.report.document import entry_cells

        rows = [(e.ruleset, e.profile.partition(":")[2], *entry_cells(e)) for e in self.entries]
        return _html(f"{self.records:,} flows", columns, rows)


def _members(found: SetResult) -> AddressSet | list[tuple[Any, ...]]:
    if found.addresses is not None:
        return found.addresses
    columns = [] if found.frame is None else [_plain_column(s) for s in found.frame.columns.values()]
    return list(zip(*columns, strict=True))


def _plain_column(series: Series) -> list[Any]:
    from flowrules.report.json_report import value_json

    return [value_json(series.type, series.scalar(r)) for r in range(len(series))]


def _array(series: Series) -> NDArray[Any]:
    if series.type.name == "time" and series.values.dtype.kind in "iu":
        out = series.values.astype("datetime64[ms]")
        if series.known is not None:
            out[~series.known] = np.datetime64("NaT")
        return out
    numeric = series.values.dtype.kind in "iuf" and series.type.name not in ("address", "block")
    if numeric and series.denominators is None and series.known is None:
        return series.values
    if numeric or series.denominators is not None:
        return np.where(series.mask(), floats(series), np.nan)
    objects = np.empty(len(series), object)
    objects[:] = _plain_column(series)
    return objects


def _html(caption: str, columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    from html import escape

    head = "".join(f"<th>{escape(c)}</th>" for c in columns)
    body = "".join(
        "<tr>" + "".join(f"<td>{escape('' if v is None else str(v))}</td>" for v in row) + "</tr>"
        for row in rows[:SHOWN_ROWS]
    )
    more = f"<p>… {len(rows) - SHOWN_ROWS:,} more rows</p>" if len(rows) > SHOWN_ROWS else ""
    return f"<table><caption>{escape(caption)}</caption><tr>{head}</tr>{body}</table>{more}"
