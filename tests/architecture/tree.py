"""The project's sources as syntax trees."""

import ast
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

from msgspec import Struct

ROOT = Path(__file__).parents[2]


class Source(Struct, frozen=True):
    path: Path
    module: str
    text: str
    tree: ast.Module
    nodes: tuple[ast.AST, ...]

    def __str__(self) -> str:
        return str(self.path.relative_to(ROOT))


def sources(*packages: str) -> tuple[Source, ...]:
    return tuple(source for package in packages for source in _sources(package))


@cache
def _sources(package: str) -> tuple[Source, ...]:
    found = []
    for path in sorted((ROOT / package).rglob("*.py")):
        text = path.read_text()
        module = ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
        tree = ast.parse(text)
        found.append(Source(path, module, text, tree, tuple(ast.walk(tree))))
    return tuple(found)


def over(*packages: str) -> Callable[[Callable[[Source], Iterator[str]]], Callable[[], None]]:
    """One test of a rule that tells a source's offences: thousands of tests, one for each file, took longer than the looking."""

    def made(rule: Callable[[Source], Iterator[str]]) -> Callable[[], None]:
        def test() -> None:
            offences = [f"{source}{offence}" for source in sources(*packages) for offence in rule(source)]
            assert not offences, "\n".join(offences)

        test.__name__, test.__doc__ = rule.__name__, rule.__doc__
        return test

    return made


def imports(source: Source) -> Iterator[tuple[int, str]]:
    """Every module that the source imports, at whatever depth, with its line."""
    for node in source.nodes:
        if isinstance(node, ast.Import):
            for name in node.names:
                yield node.lineno, name.name
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                parts = source.module.split(".")
                base = ".".join(parts[: len(parts) - node.level + (source.path.name == "__init__.py")] + ([base] if base else []))
            yield node.lineno, base


def within(module: str, package: str) -> bool:
    return module == package or module.startswith(f"{package}.")


def docstrings(tree: ast.Module) -> set[int]:
    """The ids of the nodes that document something: the first string of a body, and strings standing alone after a field."""
    return {
        id(node.value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
    }
