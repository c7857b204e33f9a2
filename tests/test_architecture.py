"""The house: who may import whom, and what importing may load."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
ALLOWED = {
    "shared_ops": set(),
    "db": set(),
    "research": {"shared_ops"},
    "production": {"shared_ops"},
    "workers": {"research", "production", "db"},
    "ui": {"workers", "db"},
}
BRIDGE = Path("production/promote.py")  # the one file that sees both worlds


def imported(path):
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield (node.module or "").split(".")[0]


def sources(package):
    return [path.relative_to(ROOT) for path in (ROOT / package).rglob("*.py")]


@pytest.mark.parametrize("package", ALLOWED)
def test_imports_point_down(package):
    allowed = ALLOWED[package] | {package}
    wrong = [
        f"{path} imports {name}"
        for path in sources(package)
        for name in imported(ROOT / path)
        if name in ALLOWED and name not in (allowed | {"research"} if path == BRIDGE else allowed)
    ]
    assert not wrong, "\n".join(wrong)
    assert sources(package), f"{package} has no sources"


def loaded_by(statement):
    """The modules that a fresh Python has loaded after a statement."""
    code = f"{statement}\nimport sys\nprint('\\n'.join(sys.modules))"
    run = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    return {name.split(".")[0] for name in run.stdout.split()}


@pytest.mark.parametrize("package", ["shared_ops.ops", "research", "production"])
def test_the_maths_needs_none_of_the_services(package):
    heavy = {"ray", "sqlalchemy", "streamlit", "pydantic", "pandas", "sklearn", "workers", "db", "ui"}
    assert not loaded_by(f"import {package}") & heavy


def test_production_runs_without_research():
    assert "research" not in loaded_by("import production")


def test_importing_the_services_starts_nothing():
    assert not loaded_by("import db, workers") & {"streamlit"}
    code = "import workers, db, threading, ray; assert threading.active_count() == 1 and not ray.is_initialized()"
    subprocess.run([sys.executable, "-W", "ignore", "-c", code], cwd=ROOT, check=True)


def test_folders_are_at_most_two_deep():
    deep = [str(p) for package in ALLOWED for p in sources(package) if len(p.parts) > 3]
    deep = [p for p in deep if not p.startswith("db/migrations/versions/")]  # where Alembic looks for them
    assert not deep
