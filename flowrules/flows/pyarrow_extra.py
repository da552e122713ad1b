"""pyarrow, which is an extra: found when it is needed, and told how to get where it is not there."""

from __future__ import annotations

from types import ModuleType

from flowrules.flows.errors import FlowFileError


def pyarrow(name: str, what: str) -> ModuleType:
    """The module pyarrow; raises ``FlowFileError`` for ``name`` where it is not installed.

    ``what`` is the format that needs it.
    """
    try:
        import pyarrow
    except ImportError as error:
        raise FlowFileError(
            name, f"{what} needs the library pyarrow", hint="pip install 'flowrules[arrow]'"
        ) from error
    return pyarrow  # type: ignore[no-any-return]


def pyarrow_parquet(name: str) -> ModuleType:
    """The module pyarrow.parquet; raises as ``pyarrow`` does."""
    pyarrow(name, "Parquet")
    from pyarrow import parquet

    return parquet  # type: ignore[no-any-return]
