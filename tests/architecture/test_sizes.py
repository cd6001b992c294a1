"""Small files, small functions, no god objects; and more lines of test than of code."""

import ast
from pathlib import Path

import pytest

from tests.architecture.tree import ROOT, Source, sources

FILE_LINES = 400
FUNCTION_LINES = 50
METHODS = 20
LEDGER = ("bridge.ledger.ledger", "Ledger")
"""One door with a verb for each thing the ledger remembers; the work is in the modules behind it."""


def named(source: Source) -> str:
    return str(source)


@pytest.mark.parametrize("source", sources("bridge", "adapters"), ids=named)
def test_no_file_is_long(source: Source) -> None:
    assert source.text.count("\n") <= FILE_LINES


@pytest.mark.parametrize("source", sources("bridge", "adapters"), ids=named)
def test_no_function_is_long(source: Source) -> None:
    for node in ast.walk(source.tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            lines = (node.end_lineno or node.lineno) - node.lineno + 1
            assert lines <= FUNCTION_LINES, f"{source}:{node.lineno} {node.name} has {lines} lines"


@pytest.mark.parametrize("source", sources("bridge", "adapters"), ids=named)
def test_no_class_does_everything(source: Source) -> None:
    for node in ast.walk(source.tree):
        if isinstance(node, ast.ClassDef) and (source.module, node.name) != LEDGER:
            methods = [step for step in node.body if isinstance(step, ast.FunctionDef | ast.AsyncFunctionDef)]
            assert len(methods) <= METHODS, f"{source}:{node.lineno} {node.name} has {len(methods)} methods"


def test_there_is_more_test_than_code() -> None:
    code = sum(source.text.count("\n") for source in sources("bridge", "adapters"))
    tests = sum(
        path.read_bytes().count(b"\n") for top in ("tests", "benchmarks") for path in (ROOT / top).rglob("*") if _is_test(path)
    )
    assert tests > code, f"{tests} lines of test, {code} of code"


def _is_test(path: Path) -> bool:
    """Code, or a golden file: what goes in or what must come out."""
    golden = ROOT / "tests" / "golden" in path.parents
    return path.is_file() and (path.suffix == ".py" or (golden and path.suffix != ".pyc"))
