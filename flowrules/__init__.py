"""flowrules: a language and engine for profiling networks from flow records."""

from __future__ import annotations

from typing import Any

__version__ = "0.1.0"

_LAZY = {
    "load": "flowrules.api",
    "arrays": "flowrules.api",
    "Rules": "flowrules.api",
    "Found": "flowrules.api",
    "Table": "flowrules.api",
    "open_store": "flowrules.flows.store",
}
"""What the package offers, and the module that has it, which is imported when it is asked for: a
command that only prints its help must not wait for numpy."""


def __getattr__(name: str) -> Any:
    from importlib import import_module

    if name not in _LAZY:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from flowrules.model.collector import collector_held_off

    with collector_held_off():
        value = getattr(import_module(_LAZY[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_LAZY})
