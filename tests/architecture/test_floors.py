"""Imports go downward only (docs/design.md §3)."""

from collections.abc import Iterator

from tests.architecture.tree import Source, imports, over, within

FLOORS = (
    ("bridge.model",),
    ("bridge.contract", "bridge.text", "bridge.config"),
    ("bridge.routing", "bridge.ledger"),
    ("bridge.delivery", "bridge.matrix", "bridge.outfeeds"),
    ("bridge.commands", "bridge.ops"),
    ("bridge.app", "bridge.cli", "bridge.demo", "bridge.__main__"),
)
OUTSIDE = ("bridge.testing",)
"""For third parties' tests: stands beside the floors, and no floor may use it."""
OWNERS = {
    "slixmpp": "adapters.xmpp",
    "irc": "adapters.irc",
    "mautrix": "bridge.matrix",
    "sqlalchemy": "bridge.ledger",
    "alembic": "bridge.ledger",
}
ADAPTERS_MAY_USE = ("bridge.model", "bridge.contract", "bridge.text", "adapters.common")


def floor_of(module: str) -> int | None:
    for number, packages in enumerate(FLOORS):
        if any(within(module, package) for package in packages):
            return number
    return None


@over("bridge")
def test_every_module_stands_on_a_floor(source: Source) -> Iterator[str]:
    if floor_of(source.module) is None and source.module != "bridge" and not within(source.module, OUTSIDE[0]):
        yield " stands on no floor"


@over("bridge")
def test_no_floor_imports_a_higher_one_or_its_neighbour(source: Source) -> Iterator[str]:
    mine = floor_of(source.module)
    if mine is None:
        return
    package = source.module.split(".")[1] if "." in source.module else ""
    for line, name in imports(source):
        theirs = floor_of(name)
        if theirs is None:
            if any(within(name, outside) for outside in OUTSIDE):
                yield f":{line} uses {name}"
            continue
        # what stands on one floor may not lean sideways, except where the page of seams says so
        sideways = theirs == mine and mine not in (1, 3, 4, 5) and not within(name, f"bridge.{package}")
        if theirs > mine or sideways:
            yield f":{line} imports {name}"


@over("bridge")
def test_the_bridge_does_not_know_its_adapters(source: Source) -> Iterator[str]:
    for line, name in imports(source):
        if within(name, "adapters"):
            yield f":{line} imports {name}"


@over("adapters")
def test_an_adapter_uses_the_contract_and_itself(source: Source) -> Iterator[str]:
    own = ".".join(source.module.split(".")[:2])
    for line, name in imports(source):
        ours = within(name, "bridge") or within(name, "adapters")
        if ours and not any(within(name, package) for package in (*ADAPTERS_MAY_USE, own)):
            yield f":{line} imports {name}"


@over("bridge", "adapters")
def test_a_library_stays_with_its_owner(source: Source) -> Iterator[str]:
    for line, name in imports(source):
        for library, owner in OWNERS.items():
            if within(name, library) and not within(source.module, owner):
                yield f":{line} imports {name}, which belongs to {owner}"
