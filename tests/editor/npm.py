"""Node and npm, where they are: what needs them is skipped elsewhere, and says so."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest

CACHE = Path(tempfile.gettempdir()) / f"flowrules-tests-npm-{os.getuid()}"
"""Where packages are kept between runs of the tests."""


def installed(folder: Path, *names: str) -> Path:
    """A copy of ``folder``'s files ``names`` with the packages of its package.json, or a skip."""
    for tool in ("node", "npm"):
        if shutil.which(tool) is None:
            pytest.skip(f"{tool} is not installed")
    target = CACHE / folder.name
    target.mkdir(parents=True, exist_ok=True)
    for name in names:
        source = folder / name
        if source.is_dir():
            shutil.copytree(source, target / name, dirs_exist_ok=True)
        else:
            shutil.copy2(source, target / name)
    wanted = (target / "package.json").read_text()
    mark = target / "installed.json"
    if not (mark.exists() and mark.read_text() == wanted and (target / "node_modules").is_dir()):
        done = run("npm", "install", "--no-audit", "--no-fund", "--ignore-scripts", folder=target)
        if done.returncode:
            pytest.skip(f"npm cannot install the packages: {done.stderr.strip().splitlines()[-1:]}")
        mark.write_text(wanted)
    return target


def run(*command: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Runs a command in a folder, without questions."""
    environment = {**os.environ, "CI": "1", "npm_config_update_notifier": "false"}
    return subprocess.run(
        command,
        cwd=folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=300,
    )
