"""`import selfsup`: what it costs, what it loads, and that what it shows is there."""

import doctest
import importlib
import pkgutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import selfsup

ROOT = Path(__file__).resolve().parents[4]
HEAVY = ("torch", "numpy", "pandas", "pyarrow", "ray", "mlflow", "sklearn", "pydantic", "yaml")


def fresh(code: str) -> str:
    path = f"import sys; sys.path[:0] = [{str(ROOT)!r}, {str(ROOT / 'pipelines' / 'api')!r}]\n"
    done = subprocess.run([sys.executable, "-c", path + code], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_the_import_alone_loads_nothing_heavy():
    assert fresh(f"import selfsup; print([m for m in {HEAVY} if m in sys.modules])") == "[]"


@pytest.mark.parametrize("name", ["sinkhorn", "losses", "FixMatch"])
def test_what_a_loop_of_ones_own_needs_loads_torch_alone(name):
    loaded = "('pandas', 'pyarrow', 'ray', 'mlflow', 'sklearn', 'airflow', 'pipelines')"
    assert fresh(f"from selfsup import {name}; print([m for m in {loaded} if m in sys.modules])") == "[]"


def test_runs_load_no_torch():
    code = "from selfsup import run, Recipe, load_recipe, history\n"
    assert fresh(f"{code}print([m for m in ('torch', 'mlflow') if m in sys.modules])") == "[]"


def test_every_name_is_there_and_no_other():
    for name in selfsup.__all__:
        assert getattr(selfsup, name) is not None
    assert dir(selfsup) == sorted(selfsup.__all__, key=dir(selfsup).index)
    with pytest.raises(AttributeError, match="no attribute 'sinkorn'"):
        selfsup.sinkorn  # noqa: B018


def test_names_for_type_checkers_are_those_at_run_time():
    import ast

    tree = ast.parse((ROOT / "pipelines/api/selfsup/__init__.py").read_text())
    guarded = next(node for node in tree.body if isinstance(node, ast.If))
    shown = {
        alias.name: node.module
        for node in ast.walk(guarded)
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    assert shown.pop("losses") == "selfsup"
    assert shown == selfsup._PLACES
    assert set(selfsup.__all__) == {*selfsup._PLACES, "losses"}


def test_examples_in_docstrings_run():
    ran = 0
    for module in pkgutil.iter_modules(selfsup.__path__, "selfsup."):
        found = doctest.testmod(importlib.import_module(module.name))
        assert not found.failed, module.name
        ran += found.attempted
    ran += doctest.testmod(selfsup).attempted
    assert ran > 10


def test_it_is_typed_and_the_wheel_takes_it_from_pipelines_api():
    setuptools = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]
    assert (ROOT / "pipelines" / "api" / "selfsup" / "py.typed").is_file()
    assert setuptools["package-data"]["selfsup"] == ["py.typed"]
    assert "pipelines/api" in setuptools["packages"]["find"]["where"]
    assert not (
        ROOT / "pipelines" / "api" / "__init__.py"
    ).exists()  # one import path: selfsup, not pipelines.api
