"""Whether a text is JUnit XML, by the schema that Jenkins checks results against."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest


@cache
def _schema() -> Any:
    xmlschema = pytest.importorskip("xmlschema", reason="xmlschema is not installed")
    return xmlschema.XMLSchema(str(Path(__file__).parent / "data" / "schemas" / "junit-10.xsd"))


def check_junit(text: str) -> ET.Element:
    """The root of a document that fits the schema, and whose numbers are those of its cases."""
    root = ET.fromstring(text)
    _schema().validate(root)
    assert root.tag == "testsuites"
    for suite in root:
        assert suite.get("tests") == str(len(suite.findall("testcase")))
        for name, outcome in (("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
            assert suite.get(name) == str(len(suite.findall(f"testcase/{outcome}")))
        assert all(len(case) <= 1 and case.get("classname") for case in suite)
    for name in ("tests", "failures", "errors"):
        assert root.get(name) == str(sum(int(suite.get(name, "")) for suite in root))
    return root
