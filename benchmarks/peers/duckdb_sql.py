"""DuckDB: hand-written SQL over a table in memory, or over Parquet."""

from __future__ import annotations

from typing import Any

from attrs import define

from benchmarks.cases.case import Case
from benchmarks.peers.contender import NO_QUERY, Contender, not_installed


class _Query:
    """Runs a query and gives its answer as an Arrow table; ``register`` names a table of the caller's."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection
        self.register = connection.register

    def __call__(self, sql: str) -> Any:
        if sql.startswith("create"):
            return self._connection.execute(sql)
        return self._connection.sql(sql).to_arrow_table()


@define
class InMemory(Contender):
    """A table in memory."""

    connection: Any = None

    forms = ("parquet",)

    @classmethod
    def lacks(cls, case: Case) -> str:
        missing = not_installed("duckdb") or not_installed("pyarrow")
        return missing or ("" if case.sql else f"duckdb {NO_QUERY}")

    def load(self) -> None:
        import duckdb

        self.connection = duckdb.connect()
        self.connection.execute(f"set threads to {self.threads}")
        self._tables()

    def _tables(self) -> None:
        self.connection.execute(
            f"create table f as select {', '.join(self.case.columns)} from {self._file()}"
        )

    def _file(self) -> str:
        return f"read_parquet('{self.data.path('parquet')}')"

    def answer(self) -> Any:
        assert self.case.sql is not None
        return self.case.sql(_Query(self.connection))


@define
class Parquet(InMemory):
    """Straight from the Parquet file: nothing is loaded before."""

    def _tables(self) -> None:
        self.connection.execute(f"create view f as select * from {self._file()}")
