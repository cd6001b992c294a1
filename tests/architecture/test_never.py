"""What this code never does (docs/design.md §3)."""

import ast
import re
from collections.abc import Iterator

import pytest

from tests.architecture.tree import Source, docstrings, imports, sources, within

PURE = ("bridge.model", "bridge.text", "bridge.routing", "bridge.matrix.convert")
PURE_IN_ADAPTERS = ("inbound", "outbound", "formatting", "split", "ids")
IMPURE_MODULES = (
    "asyncio",
    "time",
    "random",
    "secrets",
    "logging",
    "socket",
    "os",
    "pathlib",
    "subprocess",
    "aiohttp",
    "threading",
)
PROTOCOLS = re.compile(
    r"(?<![a-z])(irc|xmpp|jabber|gnusocial|statusnet|ostatus|mastodon|twitter|bluesky|activitypub)(?![a-z])", re.I
)
BAD_NAMES = re.compile(r"(^|_)(handler|handlers|manager|helper|helpers|utils|legacy)(_|$)|(Handler|Manager|Helper|Utils|Legacy)")
OUR_SWALLOWERS = (
    "bridge.delivery",
    "bridge.ledger",
    "bridge.matrix.receiver",
    "bridge.app",
    "bridge.ops",
    "bridge.commands",
)
"""Where a supervisor, the courier or a writer turns an unknown error into a recorded state."""


def pure(source: Source) -> bool:
    parts = source.module.split(".")
    in_adapter = parts[0] == "adapters" and len(parts) > 2 and parts[2] in PURE_IN_ADAPTERS
    return in_adapter or any(within(source.module, package) for package in PURE)


def named(source: Source) -> str:
    return str(source)


@pytest.mark.parametrize("source", [source for source in sources("bridge", "adapters") if pure(source)], ids=named)
def test_pure_floors_neither_wait_nor_look_around(source: Source) -> None:
    for line, name in imports(source):
        assert name.split(".")[0] not in IMPURE_MODULES, f"{source}:{line} imports {name}"
    for node in ast.walk(source.tree):
        assert not isinstance(node, ast.Await | ast.AsyncFunctionDef | ast.AsyncFor | ast.AsyncWith), f"{source}:{node.lineno}"
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            assert node.func.attr not in ("now", "utcnow", "today"), f"{source}:{node.lineno} reads a clock"


@pytest.mark.parametrize("source", sources("bridge"), ids=named)
def test_no_protocol_is_named_in_the_bridge(source: Source) -> None:
    documentation = docstrings(source.tree)
    for node in ast.walk(source.tree):
        for word in _words(node, documentation):
            assert not PROTOCOLS.search(word), f"{source}:{getattr(node, 'lineno', '?')} says {word!r}"


def _words(node: ast.AST, documentation: set[int]) -> Iterator[str]:
    if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in documentation:
        yield node.value
    elif isinstance(node, ast.Name):
        yield node.id
    elif isinstance(node, ast.Attribute):
        yield node.attr
    elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        yield node.name
    elif isinstance(node, ast.arg):
        yield node.arg


@pytest.mark.parametrize("source", sources("bridge", "adapters"), ids=named)
def test_no_bare_task(source: Source) -> None:
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
            name = getattr(node.value.func, "attr", getattr(node.value.func, "id", ""))
            owner = getattr(node.value.func, "value", None)
            group = isinstance(owner, ast.Name | ast.Attribute) and "group" in ast.unparse(owner)
            assert name not in ("create_task", "ensure_future") or group, f"{source}:{node.lineno} starts a task that nobody owns"


@pytest.mark.parametrize("source", sources("bridge", "adapters"), ids=named)
def test_unknown_errors_are_caught_only_where_they_become_a_state(source: Source) -> None:
    for node in ast.walk(source.tree):
        if not isinstance(node, ast.ExceptHandler):
            continue
        caught = ast.unparse(node.type) if node.type else ""
        if node.type is None or re.search(r"\b(Base)?Exception\b", caught):
            reraises = any(isinstance(step, ast.Raise) for step in ast.walk(node))
            allowed = reraises or any(within(source.module, module) for module in OUR_SWALLOWERS)
            assert allowed, f"{source}:{node.lineno} catches everything"
            does = [step for step in node.body if not isinstance(step, ast.Pass | ast.Continue)]
            assert does, f"{source}:{node.lineno} swallows everything"


@pytest.mark.parametrize("source", sources("bridge", "adapters"), ids=named)
def test_no_naive_datetime(source: Source) -> None:
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            call = ast.unparse(node.func)
            assert node.func.attr != "utcnow", f"{source}:{node.lineno}"
            if call in ("datetime.now", "datetime.fromtimestamp"):
                zoned = len(node.args) > (node.func.attr == "fromtimestamp") or any(key.arg == "tz" for key in node.keywords)
                assert zoned, f"{source}:{node.lineno} makes a datetime without a zone"


@pytest.mark.parametrize("source", sources("bridge", "adapters"), ids=named)
def test_names_say_what_a_thing_is(source: Source) -> None:
    assert not BAD_NAMES.search(source.path.stem), f"{source}"
    for node in ast.walk(source.tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            assert not BAD_NAMES.search(node.name), f"{source}:{node.lineno} is named {node.name}"


@pytest.mark.parametrize("source", sources("bridge", "adapters"), ids=named)
def test_no_global_state(source: Source) -> None:
    for node in ast.walk(source.tree):
        assert not isinstance(node, ast.Global), f"{source}:{node.lineno} changes a global"
        if isinstance(node, ast.ClassDef):
            assert not node.name.endswith("Mixin"), f"{source}:{node.lineno} is a mixin"
