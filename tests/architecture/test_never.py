"""What this code never does (docs/design.md §3)."""

import ast
import re
from collections.abc import Iterator

from tests.architecture.tree import Source, docstrings, imports, over, within

PURE = (
    *("bridge.model", "bridge.text", "bridge.routing", "bridge.matrix.convert"),
    *("bridge.outfeeds.items", "bridge.outfeeds.atom", "bridge.outfeeds.jsonfeed"),
)
PURE_IN_ADAPTERS = ("inbound", "outbound", "formatting", "split", "ids", "stanza")
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
NAMED_BY_LIBRARIES = frozenset({"start_stream_handler"})
"""What a library calls, so that its name is not ours to choose (slixmpp's `XMLStream`)."""
OUR_SWALLOWERS = (
    "bridge.delivery",
    "bridge.ledger",
    "bridge.matrix.receiver",
    "bridge.app",
    "bridge.ops",
    "bridge.commands",
    "adapters.xmpp.faults",
)
"""Where a supervisor, the courier or a writer turns an unknown error into a recorded state."""


def pure(source: Source) -> bool:
    parts = source.module.split(".")
    in_adapter = parts[0] == "adapters" and len(parts) > 2 and parts[2] in PURE_IN_ADAPTERS
    return in_adapter or any(within(source.module, package) for package in PURE)


@over("bridge", "adapters")
def test_pure_floors_neither_wait_nor_look_around(source: Source) -> Iterator[str]:
    if not pure(source):
        return
    for line, name in imports(source):
        if name.split(".")[0] in IMPURE_MODULES:
            yield f":{line} imports {name}"
    for node in source.nodes:
        if isinstance(node, ast.Await | ast.AsyncFunctionDef | ast.AsyncFor | ast.AsyncWith):
            yield f":{node.lineno} waits"
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in ("now", "utcnow", "today"):
            yield f":{node.lineno} reads a clock"


@over("bridge")
def test_no_protocol_is_named_in_the_bridge(source: Source) -> Iterator[str]:
    documentation = docstrings(source.tree)
    for node in source.nodes:
        for word in _words(node, documentation):
            if PROTOCOLS.search(word):
                yield f":{getattr(node, 'lineno', '?')} says {word!r}"


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


@over("bridge", "adapters")
def test_no_bare_task(source: Source) -> Iterator[str]:
    for node in source.nodes:
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
            name = getattr(node.value.func, "attr", getattr(node.value.func, "id", ""))
            owner = getattr(node.value.func, "value", None)
            group = isinstance(owner, ast.Name | ast.Attribute) and "group" in ast.unparse(owner)
            if name in ("create_task", "ensure_future") and not group:
                yield f":{node.lineno} starts a task that nobody owns"


@over("bridge", "adapters")
def test_unknown_errors_are_caught_only_where_they_become_a_state(source: Source) -> Iterator[str]:
    for node in source.nodes:
        if not isinstance(node, ast.ExceptHandler):
            continue
        caught = ast.unparse(node.type) if node.type else ""
        if node.type is None or re.search(r"\b(Base)?Exception\b", caught):
            reraises = any(isinstance(step, ast.Raise) for step in ast.walk(node))
            allowed = reraises or any(within(source.module, module) for module in OUR_SWALLOWERS)
            if not allowed:
                yield f":{node.lineno} catches everything"
            if all(isinstance(step, ast.Pass | ast.Continue) for step in node.body):
                yield f":{node.lineno} swallows everything"


@over("bridge", "adapters")
def test_no_naive_datetime(source: Source) -> Iterator[str]:
    for node in source.nodes:
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            call = ast.unparse(node.func)
            if node.func.attr == "utcnow":
                yield f":{node.lineno} makes a datetime without a zone"
            if call in ("datetime.now", "datetime.fromtimestamp"):
                zoned = len(node.args) > (node.func.attr == "fromtimestamp") or any(key.arg == "tz" for key in node.keywords)
                if not zoned:
                    yield f":{node.lineno} makes a datetime without a zone"


@over("bridge", "adapters")
def test_names_say_what_a_thing_is(source: Source) -> Iterator[str]:
    if BAD_NAMES.search(source.path.stem):
        yield " is named badly"
    for node in source.nodes:
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            continue
        if BAD_NAMES.search(node.name) and node.name not in NAMED_BY_LIBRARIES:
            yield f":{node.lineno} is named {node.name}"


@over("bridge", "adapters")
def test_no_global_state(source: Source) -> Iterator[str]:
    for node in source.nodes:
        if isinstance(node, ast.Global):
            yield f":{node.lineno} changes a global"
        if isinstance(node, ast.ClassDef) and node.name.endswith("Mixin"):
            yield f":{node.lineno} is a mixin"
