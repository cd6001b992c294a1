"""Small files, small functions, no god objects; and more lines of test than of code."""

import ast
from collections.abc import Iterator
from pathlib import Path

from tests.architecture.tree import ROOT, Source, over, sources

FILE_LINES = 400
FUNCTION_LINES = 50
METHODS = 20
LEDGER = ("bridge.ledger.ledger", "Ledger")
"""One door with a verb for each thing the ledger remembers; the work is in the modules behind it."""


@over("bridge", "adapters")
def test_no_file_is_long(source: Source) -> Iterator[str]:
    lines = source.text.count("\n")
    if lines > FILE_LINES:
        yield f" has {lines} lines"


@over("bridge", "adapters")
def test_no_function_is_long(source: Source) -> Iterator[str]:
    for node in source.nodes:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            lines = (node.end_lineno or node.lineno) - node.lineno + 1
            if lines > FUNCTION_LINES:
                yield f":{node.lineno} {node.name} has {lines} lines"


@over("bridge", "adapters")
def test_no_class_does_everything(source: Source) -> Iterator[str]:
    for node in source.nodes:
        if isinstance(node, ast.ClassDef) and (source.module, node.name) != LEDGER:
            methods = [step for step in node.body if isinstance(step, ast.FunctionDef | ast.AsyncFunctionDef)]
            if len(methods) > METHODS:
                yield f":{node.lineno} {node.name} has {len(methods)} methods"


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
