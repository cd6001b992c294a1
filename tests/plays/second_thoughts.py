"""What people do to what they said before: it is corrected, reacted to, taken back. Each time to what was said the time before.

A way has come where both sides show the same in the end, by however many steps.
"""

import itertools
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from tests.doubles.muc_room import Room, named
from tests.plays.siege import Siege, Way
from tests.unit.app.town import ALICE

CORRECT, RETRACT, REACTIONS = "urn:xmpp:message-correct:0", "urn:xmpp:message-retract:1", "urn:xmpp:reactions:0"


class Shown:
    """What one side shows in the end: lines of text, and keys of reactions."""

    def __init__(self) -> None:
        self.texts: dict[str, str] = {}
        self.keys: dict[str, list[str]] = {}

    def lines(self) -> list[str]:
        return [line for text in self.texts.values() for line in text.splitlines()]


def on_matrix(here: Siege) -> Shown:
    shown = Shown()
    for event in (event for room in here.hs.world.rooms.values() for event in room.timeline):
        content, id = event["content"], event["event_id"]
        if event["sender"] == ALICE or not content:
            continue
        if event["type"] == "m.reaction":
            shown.keys[id] = [content["m.relates_to"]["key"]]
        elif event["type"] == "m.room.message" and "m.new_content" in content:
            shown.texts[content["m.relates_to"]["event_id"]] = content["m.new_content"]["body"]
        elif event["type"] == "m.room.message":
            shown.texts[id] = content["body"]
    return shown


def in_muc(room: Room) -> Shown:
    """Of what the bridge said there."""
    shown, names = Shown(), dict[str, str]()
    for given, _, stanza in room.archive:
        if stanza.get("from") == f"{room.jid}/bob":
            continue
        id, body = stanza.get("id", ""), named(stanza, "body")
        replaced, taken = stanza.find(f"{{{CORRECT}}}replace"), stanza.find(f"{{{RETRACT}}}retract")
        reacted = stanza.find(f"{{{REACTIONS}}}reactions")
        names[given] = names[id] = id
        if taken is not None:
            shown.texts.pop(names.get(taken.get("id", ""), ""), None)
        elif reacted is not None:
            shown.keys[f"{stanza.get('from')} {reacted.get('id')}"] = [key.text or "" for key in reacted]
        elif replaced is not None and body is not None:
            shown.texts[names.get(replaced.get("id", ""), "")] = body.text or ""
        elif body is not None:
            shown.texts[id] = body.text or ""
    return shown


class Thought(Way):
    """`first(text)` says something and returns what names it; `then(name, text)` does something to it."""

    ordered = False

    def __init__(self, name: str, shown: Callable[[], Shown]) -> None:
        super().__init__(name)
        self._shown = shown
        self._before: tuple[str, str] | None = None
        self._numbers = itertools.count()

    def first(self, text: str) -> str:
        raise NotImplementedError

    def then(self, name: str, before: str, text: str) -> None:
        raise NotImplementedError

    def ready(self) -> bool:
        return True

    def say(self, text: str) -> bool:
        if not self.ready():
            return False
        before, words = self._before, f"{self.name}first {next(self._numbers)}"
        self._before = (self.first(words), words)
        if before is not None:
            self.then(*before, text)
        return before is not None


class _Kinds(Thought):
    """Knows what came of each kind of second thought. `kind`: correct, react, retract."""

    def __init__(self, name: str, shown: Callable[[], Shown], kind: str) -> None:
        super().__init__(name, shown)
        self._kind = kind
        self._of: dict[str, str] = {}
        """By what it is known on the other side: the key of a reaction, the words that must be gone."""

    def key(self, text: str) -> str:
        key = chr(0x1F400 + len(self._of))
        self._of[key] = text
        return key

    def came(self) -> list[str]:
        shown = self._shown()
        if self._kind == "correct":
            return [line for line in shown.lines() if line.startswith(f"{self.name} ")]
        if self._kind == "react":
            return [self._of[key] for keys in shown.keys.values() for key in keys if key in self._of]
        there = {*shown.lines()}
        return [text for gone, text in self._of.items() if gone not in there]


class Bob(_Kinds):
    def __init__(self, kind: str, here: Siege, room: Room) -> None:
        super().__init__(f"{kind}>", lambda: on_matrix(here), kind)
        self._room = room

    def first(self, text: str) -> str:
        id = f"an id that is long enough {text}"
        given = self._room.say("bob", text, id=id)
        return id if self._kind == "correct" else given

    def then(self, name: str, before: str, text: str) -> None:
        if self._kind == "correct":
            self._room.say("bob", text, more=f"<replace xmlns='{CORRECT}' id='{name}'/>")
        elif self._kind == "react":
            key = self.key(text)
            self._room.say("bob", more=f"<reactions xmlns='{REACTIONS}' id='{name}'><reaction>{key}</reaction></reactions>")
        else:
            self._of[before] = text
            self._room.say("bob", more=f"<retract xmlns='{RETRACT}' id='{name}'/>")


class Alice(_Kinds):
    def __init__(self, kind: str, here: Siege, room: Room, place: Callable[[], str]) -> None:
        super().__init__(f"alice {kind}>", lambda: in_muc(room), kind)
        self._here, self._place = here, place

    def first(self, text: str) -> str:
        return self._here.hs.say(ALICE, self._here.alice_in(self._place()), text)

    def then(self, name: str, before: str, text: str) -> None:
        hs, room = self._here.hs, self._place()
        if self._kind == "correct":
            hs.say(ALICE, room, _edit(name, text))
        elif self._kind == "react":
            related = {"rel_type": "m.annotation", "event_id": name, "key": self.key(text)}
            hs.say(ALICE, room, {"m.relates_to": related}, kind="m.reaction")
        else:
            self._of[before] = text
            hs.redact(ALICE, room, name)


def _edit(target: str, text: str) -> dict[str, Any]:
    new = {"msgtype": "m.text", "body": text}
    return {**new, "body": f"* {text}", "m.new_content": new, "m.relates_to": {"rel_type": "m.replace", "event_id": target}}


def second_thoughts(here: Siege, room: Room, place: Callable[[], str]) -> Iterator[Way]:
    """Of bob and of alice, of each kind."""
    kinds: Iterable[str] = ("correct", "react", "retract")
    for kind in kinds:
        yield Bob(kind, here, room)
        yield Alice(kind, here, room, place)
