"""mute, unmute, mutes, rule: what does not come into a timeline room, or goes to another one.

At once, for the whole room, and undone by a word. What is hidden is stored all the same, and `trace` names the rule.
"""

import re
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Protocol, get_args

from msgspec import Struct
from msgspec.structs import asdict, fields, replace

from bridge.commands.line import Arguments
from bridge.commands.linking import many, one
from bridge.commands.office import Refused
from bridge.commands.watching import when
from bridge.config.problems import nearest
from bridge.contract.words import Answer, Argument, Asker, Word
from bridge.model.ids import IdentityId
from bridge.model.portals import Portal, Rule

ROOM = Argument(name="room", summary="an alias or a room id; this room unless said", required=False)
_SPAN = re.compile(r"(\d{1,5}(?:\.\d{1,3})?)\s*(m|h|d|w)(?:in|ins|inutes?|ours?|ays?|eeks?)?\Z", re.IGNORECASE)
_UNITS = {"m": timedelta(minutes=1), "h": timedelta(hours=1), "d": timedelta(days=1), "w": timedelta(weeks=1)}
_LISTS = ("words", "people", "kinds", "languages", "tags", "sources", "accounts")
LONGEST = 1_000
"""Characters of one rule as it is said."""


class Kept(Struct, frozen=True, kw_only=True):
    """A rule that was made by a word. `until` (aware): it holds no longer; None: until it is taken away."""

    number: int
    rule: Rule
    by: str
    mute: bool = False
    until: datetime | None = None


class Calming(Protocol):
    """What these words need of the running bridge."""

    async def room(self, asker: Asker, room: str | None, *, change: bool) -> Portal:
        """The timeline room that is meant. Raises `Refused`, also where the asker may not change it and wants to."""
        ...

    async def someone(self, portal: Portal, words: str) -> IdentityId | None:
        """Who in the room is called so; None where nobody or more than one is."""
        ...

    def kept(self, portal: Portal) -> Sequence[Kept]:
        """By number; those that are over are left out."""
        ...

    def troubles(self, portal: Portal) -> Sequence[str]:
        """What of its rules has no effect, in plain words."""
        ...

    async def keep(self, asker: Asker, portal: Portal, rule: Rule, *, until: datetime | None, mute: bool) -> Kept:
        """From now on. Raises `Refused`."""
        ...

    async def drop(self, portal: Portal, kept: Kept) -> None:
        """From now on it holds no more."""
        ...

    def now(self) -> datetime: ...


def calming_words(calming: Calming, command: str) -> tuple[Word, ...]:
    return (_mute(calming), _unmute(calming), _mutes(calming), _rule(calming), _writing(calming, command))


def _writing(calming: Calming, command: str) -> Word:
    async def run(asker: Asker, arguments: Arguments) -> Answer:
        portal = await calming.room(asker, _named(arguments), change=False)
        options, to = portal.timeline, ", ".join(portal.post_to)
        lines = [
            f"What you write here and answers nothing is posted to {to}." if to else "What answers nothing stays in this room.",
            "A reply is posted by your account that brought what you answer.",
            f"“{command}to ACCOUNT,ACCOUNT text” posts one message there.",
        ]
        if options.local:
            lines.append(f"What begins with “{options.local}” is said in this room only, and so is all in a thread below it.")
        if options.undo_seconds > 0:
            lines.append(f"A post leaves after {options.undo_seconds:g} s; deleted before, it never does.")
        return Answer(text="\n".join(lines), data={"post_to": [*portal.post_to], "local": options.local})

    return Word(
        name="writing",
        summary="where what you write in this room goes, and how to say something in the room only (//)",
        run=run,
        arguments=(ROOM,),
    )


def span(text: str) -> timedelta:
    """How long: `30m`, `8h`, `3d`, `2w`, `3 days`. Raises `Refused`."""
    found = _SPAN.match(text.strip())
    length = timedelta() if found is None else float(found[1]) * _UNITS[found[2].lower()]
    if not timedelta() < length <= timedelta(days=3650):
        raise Refused(f"{text[:40]!r} is no length of time: say 30m, 8h, 3d or 2w.")
    return length


def subject(tokens: Sequence[str]) -> tuple[str, timedelta | None]:
    """`WHO|WORDS [for 3d]`, taken apart. Raises `Refused`."""
    words = list(tokens)
    for tail in (2, 3):
        if len(words) > tail and words[-tail].lower() == "for" and words[-tail + 1][:1].isdigit():
            return " ".join(words[:-tail]), span(" ".join(words[-tail + 1 :]))
    return " ".join(words), None


def _mute(calming: Calming) -> Word:
    async def run(asker: Asker, arguments: Arguments) -> Answer:
        said, length = subject(many(arguments, "what"))
        if "for" in arguments:
            length = span(one(arguments, "for"))
        if not said.strip() or len(said) > LONGEST:
            raise Refused("Mute whom, or which words?")
        portal = await calming.room(asker, _named(arguments), change=True)
        rule, shown = await _meant(calming, portal, said.strip(), str(arguments.get("as", "")).lower())
        if str(arguments.get("answers", "no")).lower() in ("yes", "true", "on"):
            rule = replace(rule, answers=True)
        until = None if length is None else calming.now() + length
        kept = await calming.keep(asker, portal, rule, until=until, mute=True)
        return Answer(
            text=f"Muted {shown} in this room{_ends(until)}. To undo it: unmute {kept.number}",
            data=_data(kept),
        )

    return Word(
        name="mute",
        summary="hides somebody, a #tag or words in this room: mute WHO|WORDS [for 3d]",
        run=run,
        arguments=(
            Argument(name="what", summary='a name, an identity, a #tag or words; "for 3d" after it ends it by itself', many=True),
            Argument(name="for", summary="how long: 30m, 8h, 3d, 2w", required=False),
            Argument(name="as", summary='"person" or "words", where it could be either', required=False),
            Argument(name="answers", summary='"yes": what answers them, too', required=False),
            ROOM,
        ),
    )


async def _meant(calming: Calming, portal: Portal, said: str, kind: str) -> tuple[Rule, str]:
    """The rule of a mute, and what it mutes in words."""
    if kind not in ("", "person", "words"):
        raise Refused('as is "person" or "words".')
    if kind != "words":
        who = await calming.someone(portal, said)
        if who is not None:
            return Rule(people=(str(who),)), f"{said} ({who})" if said != str(who) else said
        address = said.removeprefix("@")
        if kind == "person" or ("@" in address and not any(map(str.isspace, address))):
            return Rule(people=(address,)), address
    if kind != "words" and said.startswith("#") and len(said) > 1 and not any(map(str.isspace, said)):
        return Rule(tags=(said[1:],)), said
    return Rule(words=(said,)), f"“{said}”"


def _unmute(calming: Calming) -> Word:
    async def run(asker: Asker, arguments: Arguments) -> Answer:
        said = " ".join(many(arguments, "what")).strip()
        portal = await calming.room(asker, _named(arguments), change=True)
        mutes = [kept for kept in calming.kept(portal) if kept.mute]
        found = [kept for kept in mutes if str(kept.number) == said] or [kept for kept in mutes if _is_called(kept, said)]
        if not found:
            who = await calming.someone(portal, said)
            found = [kept for kept in mutes if who is not None and str(who) in kept.rule.people]
        if not found:
            raise Refused(f'Nothing of that name is muted here: {said[:80]}. "mutes" lists what is.')
        for kept in found:
            await calming.drop(portal, kept)
        listed = ", ".join(_subject(kept.rule) for kept in found)
        return Answer(text=f"No longer muted: {listed}. To undo it: mute {_subject(found[0].rule)}", data=[*map(_data, found)])

    what = Argument(name="what", summary='as "mutes" shows it, or its number', many=True)
    return Word(name="unmute", summary="what was muted comes again", run=run, arguments=(what, ROOM))


def _mutes(calming: Calming) -> Word:
    async def run(asker: Asker, arguments: Arguments) -> Answer:
        portal = await calming.room(asker, _named(arguments), change=False)
        mutes = [kept for kept in calming.kept(portal) if kept.mute]
        rows = tuple((str(kept.number), _subject(kept.rule), when(kept.until) or "unmuted", kept.by) for kept in mutes)
        text = "" if rows else "Nobody and nothing is muted here."
        return Answer(text=text, columns=("no", "muted", "until", "by"), rows=rows, data=[*map(_data, mutes)])

    return Word(name="mutes", summary="who and what is muted in this room", run=run, arguments=(ROOM,))


def _rule(calming: Calming) -> Word:
    async def run(asker: Asker, arguments: Arguments) -> Answer:
        action, rest = one(arguments, "action").lower(), many(arguments, "what")
        portal = await calming.room(asker, _named(arguments), change=action != "list")
        if action == "add":
            kept = await calming.keep(asker, portal, parsed(rest), until=None, mute=False)
            text = f"Rule {kept.number}: {spelled(kept.rule)}\nTo undo it: rule remove {kept.number}"
            return Answer(text=text, data=_data(kept))
        if action == "remove":
            said = " ".join(rest).strip()
            kept = _rule_called([kept for kept in calming.kept(portal) if not kept.mute], said)
            await calming.drop(portal, kept)
            return Answer(text=f"Removed. To undo it: rule add {spelled(kept.rule)}", data=_data(kept))
        if action != "list":
            raise Refused('Say "rule add …", "rule list" or "rule remove NUMBER".')
        return _listed(calming, portal)

    return Word(
        name="rule",
        summary="what comes into this room, goes to another, or nowhere",
        run=run,
        arguments=(
            Argument(name="action", summary='"add", "list" or "remove"', required=False, default="list"),
            Argument(
                name="what",
                summary="add: words=rain,snow people=*@a.example kinds=boost … to=nowhere name=x; remove: its number or name",
                required=False,
                many=True,
            ),
            ROOM,
        ),
    )


def _listed(calming: Calming, portal: Portal) -> Answer:
    rules = [kept for kept in calming.kept(portal) if not kept.mute]
    rows = [(str(kept.number), spelled(kept.rule), kept.by) for kept in rules]
    rows += [("", spelled(rule), "the file") for rule in portal.timeline.rules]
    text = "\n".join(calming.troubles(portal)) or ("" if rows else "No rules.")
    data = [*map(_data, rules), *({"rule": asdict(rule), "by": None} for rule in portal.timeline.rules)]
    return Answer(text=text, columns=("no", "rule", "by"), rows=tuple(rows), data=data)


def _rule_called(rules: Sequence[Kept], said: str) -> Kept:
    found = [kept for kept in rules if said in (str(kept.number), kept.rule.name)]
    if len(found) != 1:
        raise Refused(
            f'{"Several rules are" if found else "No rule of the words is"} called {said[:40]!r}; "rule list" shows them.'
        )
    return found[0]


def parsed(tokens: Sequence[str]) -> Rule:
    """`words=rain,"heavy snow" kinds=boost to=nowhere name=weather`. Pure. Raises `Refused`."""
    given: dict[str, str] = {}
    last = ""
    for token in tokens:
        name, equals, value = token.partition("=")
        if equals and name.isalpha():
            last = name.lower()
            if last in given:
                raise Refused(f"{last} is said twice; a list is written with commas.")
            given[last] = value
        elif last:
            given[last] += f" {token}"
        else:
            raise Refused("A rule is written name=value, like words=rain,snow to=nowhere.")
    return _made(given)


def _made(given: Mapping[str, str]) -> Rule:
    known = [field.name for field in fields(Rule)]
    values: dict[str, Any] = {}
    if sum(map(len, given.values())) > LONGEST:
        raise Refused(f"A rule has at most {LONGEST} characters.")
    for name, text in given.items():
        if name not in known:
            raise Refused(f"A rule has no {name}{nearest(name, known)}; there are {', '.join(known)}.")
        if name in _LISTS:
            values[name] = tuple(filter(None, (part.strip().strip("\"'“”").strip() for part in text.split(","))))
        elif name == "answers":
            values[name] = text.strip().lower() in ("yes", "true", "on")
        else:
            values[name] = text.strip().strip("\"'“”")
    odd = [kind for kind in values.get("kinds", ()) if kind not in KINDS]
    if odd:
        raise Refused(f"There is no kind {odd[0]!r}{nearest(odd[0], KINDS)}; there are {', '.join(KINDS)}.")
    return Rule(**values)


KINDS: tuple[str, ...] = get_args(get_args(Rule.__annotations__["kinds"])[0])


def spelled(rule: Rule) -> str:
    """As `parsed` reads it."""
    parts = [f"{name}={','.join(value)}" for name in _LISTS if (value := getattr(rule, name))]
    parts += [f"pattern={rule.pattern}"] if rule.pattern else []
    parts += ["answers=yes"] if rule.answers else []
    parts.append(f"to={rule.to}")
    parts += [f"name={rule.name}"] if rule.name else []
    return " ".join(parts)


def _subject(rule: Rule) -> str:
    """What a mute mutes."""
    return ", ".join((*rule.people, *(f"#{tag}" for tag in rule.tags), *rule.words)) or spelled(rule)


def _is_called(kept: Kept, said: str) -> bool:
    names = {_subject(kept.rule), *kept.rule.people, *kept.rule.words, *(f"#{tag}" for tag in kept.rule.tags)}
    wanted = said.casefold()
    return any(wanted in (name.casefold(), name.partition("/")[2].casefold()) for name in names) or (
        wanted.removeprefix("@") in {name.casefold() for name in names}
    )


def _named(arguments: Arguments) -> str | None:
    return one(arguments, "room") if "room" in arguments else None


def _ends(until: datetime | None) -> str:
    return "" if until is None else f" until {when(until)}"


def _data(kept: Kept) -> dict[str, object]:
    return {"number": kept.number, "rule": asdict(kept.rule), "by": kept.by, "mute": kept.mute, "until": kept.until}


def is_move(rule: Rule) -> bool:
    return rule.to.startswith(("#", "!"))
