"""What a worker has installed, told by a function that needs none of it: it is sent as it stands, by value."""

from __future__ import annotations

from typing import Any


def installed() -> dict[str, Any]:
    """The versions of Python, numpy and flowrules here; an import that fails gives its message under ``failed``."""
    import sys

    found: dict[str, Any] = {"python": ".".join(map(str, sys.version_info[:3]))}
    try:
        import numpy

        import flowrules

        found["numpy"] = numpy.__version__
        found["flowrules"] = flowrules.__version__
        import flowrules.cluster.work
    except Exception as error:
        found["failed"] = f"{type(error).__name__}: {error}"
    return found


def unfit(here: dict[str, Any], there: dict[str, Any]) -> str:
    """Why a worker with these versions cannot do our work; empty where it can."""
    if "flowrules" not in there:
        return "has no flowrules" if "numpy" not in there else f"cannot import flowrules: {there['failed']}"
    if there["flowrules"] != here["flowrules"]:
        return f"has flowrules {there['flowrules']}, and this is {here['flowrules']}"
    if "failed" in there:
        return f"cannot import flowrules: {there['failed']}"
    for name, parts in (("python", 2), ("numpy", 1)):
        if there[name].split(".")[:parts] != here[name].split(".")[:parts]:
            title = "Python" if name == "python" else name
            return f"has {title} {there[name]}, and this is {here[name]}: what they send would not fit"
    return ""
