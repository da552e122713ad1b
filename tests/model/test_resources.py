"""The grammar and the shipped rulesets are found in every way that flowrules can be there."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

import pytest

from flowrules import __version__
from flowrules.model import resources

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = (
    "import json, flowrules\n"
    "from flowrules.model.resources import grammar_text, shipped_rulesets\n"
    "texts = {n: f.read_text(encoding='utf-8') for n, f in shipped_rulesets().items()}\n"
    "print(json.dumps([flowrules.__file__, grammar_text(), texts]))"
)


def expected() -> tuple[str, dict[str, str]]:
    """What every installation must hold: the grammar and the rulesets of this checkout."""
    folder = ROOT / "rulesets"
    texts = {p.relative_to(folder).as_posix(): p.read_text("utf-8") for p in sorted(folder.rglob("*.frules"))}
    assert texts
    return (ROOT / "grammar" / "frules.lark").read_text("utf-8"), texts


def run(*command: str | Path, cwd: Path, **environment: str) -> str:
    plain = {k: v for k, v in os.environ.items() if not k.startswith(("PYTHON", "FLOWRULES_"))}
    done = subprocess.run(
        command, cwd=cwd, env={**plain, **environment}, text=True, capture_output=True, timeout=300
    )
    assert done.returncode == 0, done.stderr + done.stdout
    return done.stdout


def found(output: str) -> tuple[Path, str, dict[str, str]]:
    file, grammar, texts = json.loads(output)
    return Path(file), grammar, texts


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("wheel")
    run(sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", out, cwd=ROOT)
    return next(out.glob("*.whl"))


def environment(folder: Path, wheel: Path) -> Path:
    """A new virtual environment with ``wheel``; the dependencies are those of this one."""
    run(sys.executable, "-m", "venv", "--without-pip", folder, cwd=folder.parent)
    python = folder / "bin" / "python"
    run(
        *(sys.executable, "-m", "pip", "--python", python, "install", "--quiet"),
        *("--disable-pip-version-check", "--no-deps", "--no-index", wheel),
        cwd=folder.parent,
    )
    packages = next((folder / "lib").glob("python*")) / "site-packages"
    # A .pth file names a folder whose own .pth files are not read: no editable flowrules comes with it.
    (packages / "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return python


def test_from_a_checkout(tmp_path: Path) -> None:
    file, *held = found(run(sys.executable, "-c", SCRIPT, cwd=tmp_path, PYTHONPATH=str(ROOT)))
    assert file == ROOT / "flowrules" / "__init__.py"
    assert tuple(held) == expected()


@pytest.mark.slow
@pytest.mark.xdist_group("wheel")
def test_from_an_installed_wheel(tmp_path: Path, wheel: Path) -> None:
    python = environment(tmp_path / "venv", wheel)
    file, *held = found(run(python, "-c", SCRIPT, cwd=tmp_path))
    assert tmp_path in file.parents
    assert tuple(held) == expected()
    program = tmp_path / "venv" / "bin" / "flowrules"
    assert run(program, "--version", cwd=tmp_path) == f"flowrules {__version__}\n"
    run(program, "check", "sei.web_clients", cwd=tmp_path)


@pytest.mark.slow
@pytest.mark.xdist_group("wheel")
def test_from_an_editable_install(tmp_path: Path) -> None:
    checkout = tmp_path / "checkout"
    ignore = shutil.ignore_patterns("__pycache__")
    for name in ("flowrules", "grammar", "rulesets"):
        shutil.copytree(ROOT / name, checkout / name, ignore=ignore)
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, checkout / name)
    hook = "import hatchling.build, sys; print(hatchling.build.build_editable(sys.argv[1]))"
    name = run(sys.executable, "-c", hook, tmp_path, cwd=checkout).splitlines()[-1]
    python = environment(tmp_path / "venv", tmp_path / name)
    (checkout / "rulesets" / "later.frules").write_text("ruleset later {}\n")
    file, grammar, texts = found(run(python, "-c", SCRIPT, cwd=tmp_path))
    assert file == checkout / "flowrules" / "__init__.py"
    assert texts.pop("later.frules") == "ruleset later {}\n", "a change of the checkout is seen at once"
    assert (grammar, texts) == expected()


@pytest.mark.slow
@pytest.mark.xdist_group("wheel")
def test_from_a_zip_of_the_wheel_and_of_a_checkout(tmp_path: Path, wheel: Path) -> None:
    file, *held = found(run(sys.executable, "-c", SCRIPT, cwd=tmp_path, PYTHONPATH=str(wheel)))
    assert wheel in file.parents
    assert tuple(held) == expected()

    run(sys.executable, "-m", "flowrules", "check", "sei.web_clients", cwd=tmp_path, PYTHONPATH=str(wheel))

    archive = tmp_path / "checkout.zip"
    with zipfile.ZipFile(archive, "w") as out:
        for name in ("flowrules", "grammar", "rulesets"):
            for path in sorted((ROOT / name).rglob("*")):
                if "__pycache__" not in path.parts:
                    out.write(path, path.relative_to(ROOT))
    file, *held = found(run(sys.executable, "-c", SCRIPT, cwd=tmp_path, PYTHONPATH=str(archive)))
    assert archive in file.parents
    assert tuple(held) == expected()


@pytest.mark.slow
@pytest.mark.xdist_group("wheel")
def test_the_wheel_holds_the_program_and_no_tests(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
    assert "flowrules/py.typed" in names
    assert "flowrules/_grammar/frules.lark" in names
    assert any(n.endswith("/licenses/LICENSE") for n in names)
    assert not [n for n in names if n.startswith(("tests", "benchmarks")) or "__pycache__" in n]


def test_a_broken_installation_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resources, "_package", lambda: tmp_path / "flowrules")
    with pytest.raises(resources.ResourceMissing, match="neither _grammar inside nor grammar beside"):
        resources.grammar_text()
