"""The sample network in small, in every shape that runs read."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cluster.flows import write_flows


@pytest.fixture(scope="package")
def flows(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("cluster-flows")
    write_flows(folder)
    return folder
