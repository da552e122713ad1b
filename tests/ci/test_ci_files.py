"""What other repositories take from here to check rulesets: each is run as the system that reads it would."""

from __future__ import annotations

import json
import os
import re
import shlex
import stat
import subprocess
import sys
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from ruamel.yaml import YAML

from flowrules.cli import COMMANDS, cli

ROOT = Path(__file__).resolve().parents[2]
GOOD = "filter a = tcp\n"
LOOSE = "filter   a=tcp\n"
UNFIT = "filter a = tcp and udp\n"
"""No flow can match: an error to lint, nothing to check."""


def document(name: str) -> Any:
    return YAML(typ="safe").load((ROOT / name).read_text(encoding="utf-8"))


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A repository with a new ruleset, and a `flowrules` to call in it."""
    tools = tmp_path / "tools"
    tools.mkdir()
    command = tools / "flowrules"
    command.write_text(f'#!/bin/sh\nPYTHONPATH="{ROOT}" exec "{sys.executable}" -m flowrules "$@"\n')
    command.chmod(command.stat().st_mode | stat.S_IXUSR)
    made = run(tmp_path, "flowrules new acme.scans --folder rulesets")
    assert made.returncode == 0, made.stderr
    return tmp_path


def run(repository: Path, script: str, **variables: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, **variables, "PATH": f"{repository / 'tools'}:{os.environ['PATH']}"}
    return subprocess.run(
        ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", script],
        cwd=repository, env=environment, capture_output=True, text=True, timeout=120,
    )  # fmt: skip


def options(line: str) -> set[str]:
    return {word.partition("=")[0] for word in shlex.split(line) if word.startswith("--")}


def commands_in(text: str) -> list[str]:
    return [m.strip() for m in re.findall(r"(?<![\w/.-])flowrules [a-z]+ [^\n|`']*", text)]


@pytest.mark.parametrize(
    "name", ["action.yml", "ci/gitlab.yml", ".pre-commit-hooks.yaml", "Dockerfile", "docs/ci.md"]
)
def test_commands_and_options_exist(name: str) -> None:
    for line in commands_in((ROOT / name).read_text(encoding="utf-8")):
        command = line.split()[1]
        assert command in COMMANDS, line
        known = CliRunner().invoke(cli, [command, "--help"]).output
        for option in options(line.replace("$", "").replace('"', "")):
            assert re.search(rf"{option}\b", known), f"{name}: {line}: {option}"


# ---- pre-commit ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("hook", document(".pre-commit-hooks.yaml"), ids=lambda hook: hook["id"])
def test_hooks(hook: dict[str, Any], repository: Path) -> None:
    assert re.search(hook["files"], "rulesets/scans.frules")
    assert not re.search(hook["files"], "scans.frules.txt")
    good = run(repository, f"{hook['entry']} rulesets/scans.frules")
    assert good.returncode == 0, good.stdout + good.stderr


def test_pre_commit_accepts_the_hooks() -> None:
    pre_commit = pytest.importorskip("pre_commit.clientlib", reason="pre-commit is not installed")
    assert pre_commit.load_manifest(str(ROOT / ".pre-commit-hooks.yaml"))


# ---- GitHub -------------------------------------------------------------------------------------------


def step(name: str) -> dict[str, Any]:
    return next(s for s in document("action.yml")["runs"]["steps"] if s.get("name") == name)


def run_step(repository: Path, name: str, **inputs: str) -> subprocess.CompletedProcess[str]:
    """Runs a step with its ``env`` made of inputs, and their defaults."""
    declared = document("action.yml")["inputs"]
    assert set(inputs) <= {key.replace("-", "_") for key in declared}
    values = {k: inputs.get(k.replace("-", "_"), str(v.get("default", ""))) for k, v in declared.items()}
    described = step(name)
    environment = {
        key: re.sub(r"\$\{\{ inputs\.([\w-]+) \}\}", lambda m: values[m[1]], value)
        for key, value in described["env"].items()
    }
    return run(repository, described["run"], **environment)


def test_the_action_passes_a_good_repository(repository: Path) -> None:
    for name in ("flowrules fmt", "flowrules lint", "flowrules test"):
        done = run_step(repository, name)
        assert done.returncode == 0, done.stdout + done.stderr
    sarif = json.loads((repository / "flowrules.sarif").read_text())
    assert sarif["version"] == "2.1.0"
    assert sarif["runs"][0]["results"] == []


def test_the_action_fails_what_is_wrong_and_still_writes_sarif(repository: Path) -> None:
    (repository / "rulesets" / "unfit.frules").write_text(UNFIT)
    done = run_step(repository, "flowrules lint", fail_on="error")
    assert done.returncode == 1
    assert "::error file=rulesets/unfit.frules" in done.stdout
    sarif = json.loads((repository / "flowrules.sarif").read_text())
    assert "FR301" in {result["ruleId"] for result in sarif["runs"][0]["results"]}
    assert run_step(repository, "flowrules test").returncode == 0

    (repository / "rulesets" / "unfit.frules").write_text(LOOSE)
    done = run_step(repository, "flowrules fmt")
    assert done.returncode == 1
    assert "+filter a = tcp" in done.stdout


def test_the_action_takes_a_baseline_a_site_and_several_rulesets(repository: Path) -> None:
    (repository / "more").mkdir()
    (repository / "more" / "unfit.frules").write_text(UNFIT)
    (repository / "site.yaml").write_text("internal: [192.0.2.0/24]\n")
    known = run(repository, "flowrules lint rulesets more --baseline known.json --write-baseline")
    assert known.returncode == 0, known.stderr
    inputs = {"rulesets": "rulesets more", "site": "site.yaml", "sarif": "out.sarif"}
    assert run_step(repository, "flowrules lint", **inputs).returncode == 1
    done = run_step(repository, "flowrules lint", baseline="known.json", **inputs)
    assert done.returncode == 0, done.stdout + done.stderr
    assert (repository / "out.sarif").exists()


def test_the_action_is_whole() -> None:
    action = document("action.yml")
    text = (ROOT / "action.yml").read_text()
    for name in re.findall(r"inputs\.([\w-]+)", text):
        assert name in action["inputs"], name
    for name, described in action["inputs"].items():
        assert f"inputs.{name}" in text, f"the input {name} is asked nowhere"
        assert described["description"]
    documented = (ROOT / "docs" / "ci.md").read_text()
    for name in action["inputs"]:
        assert f"`{name}`" in documented, f"docs/ci.md says nothing of the input {name}"


# ---- GitLab -------------------------------------------------------------------------------------------


def run_job(repository: Path, name: str, **variables: str) -> subprocess.CompletedProcess[str]:
    template = document("ci/gitlab.yml")
    assert set(variables) <= set(template["variables"])
    script = "\n".join(template[name]["script"])
    return run(repository, script, **{**template["variables"], **variables})


def test_the_template_passes_a_good_repository(repository: Path) -> None:
    for name in ("flowrules-fmt", "flowrules-lint", "flowrules-test"):
        done = run_job(repository, name)
        assert done.returncode == 0, done.stdout + done.stderr
    reports = document("ci/gitlab.yml")["flowrules-lint"]["artifacts"]["reports"]
    assert json.loads((repository / reports["codequality"]).read_text()) == []
    assert ET.parse(repository / reports["junit"]).getroot().get("failures") == "0"


def test_the_template_reports_and_fails(repository: Path) -> None:
    (repository / "rulesets" / "unfit.frules").write_text(UNFIT)
    done = run_job(repository, "flowrules-lint", FLOWRULES_FAIL_ON="error")
    assert done.returncode == 1
    reports = document("ci/gitlab.yml")["flowrules-lint"]["artifacts"]["reports"]
    found = json.loads((repository / reports["codequality"]).read_text())
    assert any(f["check_name"].startswith("FR301") for f in found)
    assert all(f["location"]["path"].startswith("rulesets/") for f in found)
    assert int(ET.parse(repository / reports["junit"]).getroot().get("failures", "0")) >= 1
    assert run_job(
        repository, "flowrules-lint", FLOWRULES_OPTIONS="--ignore FR301 --ignore FR5"
    ).returncode in (0, 1)


# ---- the image ----------------------------------------------------------------------------------------


def test_the_image_is_built_from_files_that_the_context_holds() -> None:
    kept = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    for name in kept:
        assert (ROOT / name).exists(), name
    project = (ROOT / "pyproject.toml").read_text()
    for needed in re.findall(r'^(?:readme|license-files) = \[?"([^"]+)"', project, re.MULTILINE):
        assert needed in kept, f"the wheel needs {needed}"


def test_a_wheel_can_be_built_of_the_context(tmp_path: Path) -> None:
    pytest.importorskip("hatchling", reason="hatchling is not installed")
    import shutil

    context = tmp_path / "context"
    context.mkdir()
    for line in (ROOT / ".dockerignore").read_text().splitlines():
        if line.startswith("!"):
            source = ROOT / line[1:]
            copy = shutil.copytree if source.is_dir() else shutil.copy2
            copy(source, context / line[1:])
    done = subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel"],
        cwd=context,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert list((context / "dist").glob("flowrules-*.whl"))
