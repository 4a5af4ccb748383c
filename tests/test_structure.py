"""The house rules: who may import whom, and what no file may contain."""

from __future__ import annotations

import ast
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import pytest

from convoke.store import conditions
from convoke.store.repository import Repository

ROOT = Path(__file__).parent.parent
CORE = ROOT / "layers" / "core" / "convoke"


def modules(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*.py"))


def imports(path: Path) -> Iterator[str]:
    """Absolute names of all that a module imports, wherever in it."""
    package = path.relative_to(CORE.parent if path.is_relative_to(CORE) else ROOT).parts[:-1]
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else ()
            name = ".".join((*base, *([node.module] if node.module else [])))
            yield name
            yield from (f"{name}.{alias.name}" for alias in node.names)


def test_a_package_imports_only_what_stands_below_it_and_only_the_edges_know_aws() -> None:
    # In a process of its own: it sets up logging for itself, and would turn ours off.
    run = "from importlinter.cli import lint_imports; raise SystemExit(lint_imports(cache_dir=None))"
    done = subprocess.run([sys.executable, "-c", run], cwd=ROOT, capture_output=True, text=True, check=False)  # noqa: S603
    assert done.returncode == 0, done.stdout


def test_dynamodb_s_keys_and_expressions_are_spelled_in_the_store_alone() -> None:
    key, expression = r'"(EVENT|REGISTRATION|MESSAGE|ADDRESS|WAITING)#', r"Expression\b|attribute_(not_)?exists"
    spelled = rf'{key}|{expression}|"#\w+ [=<>]|:\w+ AND'
    elsewhere = [path for path in modules(CORE) if "store" not in path.relative_to(CORE).parts]
    assert [path for path in elsewhere if re.search(spelled, path.read_text())] == []


def test_each_condition_is_spelled_once() -> None:
    """By its name in ``conditions``: elsewhere in the store no text compares attributes for a write."""
    for path in modules(CORE / "store"):
        if path.stem != "conditions":
            assert not re.search(r"attribute_(not_)?exists", path.read_text()), path
    named = {name: text for name, text in vars(conditions).items() if name.isupper() and isinstance(text, str)}
    assert len(set(named.values())) == len(named)


def test_functions_do_not_import_each_other_and_nothing_imports_them() -> None:
    functions = {path.stem for path in modules(ROOT / "functions")}
    for path in [*modules(ROOT / "functions"), *modules(CORE), *modules(ROOT / "local")]:
        assert not functions & {name for name in imports(path) if "." not in name}, path


def test_nothing_reads_the_environment_or_makes_a_client_at_import() -> None:
    for path in (*modules(CORE), *modules(ROOT / "functions")):
        reads_nothing_at_import(path)


def reads_nothing_at_import(path: Path) -> None:
    at_import: list[ast.AST] = list(ast.parse(path.read_text()).body)
    while at_import:
        node = at_import.pop()
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)):
            continue
        assert not (isinstance(node, ast.Attribute) and node.attr == "environ"), path
        assert not (isinstance(node, ast.Call) and ast.unparse(node.func) in ("boto3.client", "boto3.resource")), path
        at_import += ast.iter_child_nodes(node)


def test_every_module_says_what_it_is_for() -> None:
    paths = [*modules(CORE), *modules(ROOT / "functions"), *modules(ROOT / "local")]
    assert [path for path in paths if not ast.get_docstring(ast.parse(path.read_text()))] == []


def test_the_map_of_the_package_names_every_module() -> None:
    shown = (CORE / "__init__.py").read_text()
    packages = {path.name.removesuffix(".py") for path in CORE.iterdir() if not path.name.startswith("_")}
    assert {package for package in packages if f"``{package}``" not in shown} == set()


@pytest.mark.parametrize("path", sorted(CORE.glob("*/__init__.py")), ids=lambda path: path.parent.name)
def test_the_docstring_of_a_package_names_its_modules(path: Path) -> None:
    """All but the repositories of the store."""
    named = set(re.findall(r"``(\w+)``", ast.get_docstring(ast.parse(path.read_text())) or ""))
    others = {each.stem for each in path.parent.glob("*.py")} - {"__init__", *named}
    assert {name for name in others if not has_a_repository(f"convoke.{path.parent.name}.{name}")} == set()


def has_a_repository(module: str) -> bool:
    """Whether a class of the module is a repository of the store."""
    classes = [one for one in vars(import_module(module)).values() if isinstance(one, type)]
    return any(issubclass(one, Repository) and one.__module__ == module for one in classes)


def test_every_sample_is_json_for_a_function_that_exists() -> None:
    functions = {path.stem for path in modules(ROOT / "functions")}
    samples = sorted((ROOT / "events").glob("*.json"))
    for sample in samples:
        json.loads(sample.read_text())
        assert sample.stem.split("-")[0] in functions, sample
    assert {sample.stem.split("-")[0] for sample in samples} == functions, "each function has a sample"
