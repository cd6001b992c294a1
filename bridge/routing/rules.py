"""Rules of a timeline room: which of its posts go elsewhere, or nowhere. Pure."""

import re
from collections.abc import Callable, Sequence
from datetime import datetime
from fnmatch import translate
from functools import cached_property

from msgspec import Struct

from bridge.model.events import Body, Boost, Event, Message, Reactions, Style
from bridge.model.ids import ChannelId, IdentityId, NetworkName
from bridge.model.people import Identity
from bridge.model.portals import NOWHERE, Rule
from bridge.text.pattern import BadPattern, Pattern, folded, has_words

_NAME = 256
"""Characters of a name that are compared."""
_ADDRESS = 2_000


class BadRule(ValueError):
    """What is wrong with a rule, in plain words."""


class Seen:
    """An event as rules see it, in one room. `one_human(a, b)`: whether these are known to be the same person."""

    def __init__(
        self,
        event: Event,
        *,
        account: str | None = None,
        to_us: bool = False,
        one_human: Callable[[IdentityId, IdentityId], bool] = lambda one, other: one == other,
    ) -> None:
        self.event = event
        self.channel: ChannelId = event.channel
        self.account = account
        self.one_human = one_human
        self._to_us = to_us

    @cached_property
    def message(self) -> Message | None:
        """Whose words are judged: of a boost, those of what is passed on."""
        body = self.event.body
        return body if isinstance(body, Message) else body.original if isinstance(body, Boost) else None

    @cached_property
    def people(self) -> tuple[Identity, ...]:
        """Who wrote it, and whose post it passes on."""
        body = self.event.body
        original = body.target.author if isinstance(body, Boost) else None
        return (self.event.author,) if original is None else (self.event.author, original)

    @cached_property
    def answered(self) -> tuple[Identity, ...]:
        message = self.message
        above = (message.reply_to, message.thread) if message is not None else ()
        return tuple(ref.author for ref in above if ref is not None and ref.author is not None)

    @cached_property
    def kinds(self) -> frozenset[str]:
        return frozenset(_kinds(self.event.body, self.message, self._to_us))

    @cached_property
    def text(self) -> str:
        message, body = self.message, self.event.body
        said = [body.comment.plain] if isinstance(body, Boost) and body.comment is not None else []
        if message is not None:
            said += [message.text.plain, message.warning or "", (message.post.title or "") if message.post is not None else ""]
            said += [message.poll.question, *(one.text for one in message.poll.options)] if message.poll is not None else []
            said += [attachment.alt or "" for attachment in message.attachments]
        return "\n".join(said)

    @cached_property
    def folded(self) -> str:
        return folded(self.text)


def _kinds(body: Body, message: Message | None, to_us: bool) -> list[str]:
    found: list[str] = []
    if isinstance(body, Boost):
        found.append("boost")
    elif isinstance(body, Message):
        answers = body.reply_to is not None or body.thread is not None
        found.append("notice" if body.style is Style.NOTICE else "reply" if answers else "post")
    if to_us:
        found.append("mention")
    if message is not None:
        found += ["media"] if message.attachments else []
        found += ["poll"] if message.poll is not None else []
    return found


class Standing:
    """A rule in force; `until` (aware): no longer. Raises `BadRule`."""

    def __init__(self, rule: Rule, *, name: str = "", until: datetime | None = None) -> None:
        self.rule = rule
        self.name = rule.name or name
        self.until = until
        if not any((rule.words, rule.pattern, rule.people, rule.kinds, rule.languages, rule.tags, rule.sources, rule.accounts)):
            raise BadRule("a rule needs something to go by: words, people, kinds or the like")
        try:
            self.pattern = Pattern(rule.pattern) if rule.pattern else None
        except BadPattern as error:
            raise BadRule(str(error)) from None
        self._words = tuple(filter(None, map(folded, rule.words)))
        if rule.words and not self._words:
            raise BadRule("there is no word in its words")
        self._people = tuple(_Somebody(one) for one in rule.people)
        self._sources = tuple(_glob(source, _ADDRESS) for source in rule.sources)
        self._languages = frozenset(language.casefold() for language in rule.languages)
        self._tags = frozenset(folded(tag.removeprefix("#")) for tag in rule.tags)

    def fits(self, seen: Seen, now: datetime) -> bool:
        """What costs least is asked first."""
        rule = self.rule
        if self.until is not None and now >= self.until:
            return False
        if rule.kinds and seen.kinds.isdisjoint(rule.kinds):
            return False
        if rule.accounts and seen.account not in rule.accounts:
            return False
        if self._sources and not any(source(str(seen.channel)) for source in self._sources):
            return False
        if self._people and not self._names(seen):
            return False
        return self._says(seen)

    def _names(self, seen: Seen) -> bool:
        people = (*seen.people, *seen.answered) if self.rule.answers else seen.people
        return any(somebody.is_one(one, seen) for somebody in self._people for one in people)

    def _says(self, seen: Seen) -> bool:
        post = seen.message.post if seen.message is not None else None
        if self._languages and (post is None or not _speaks(post.language, self._languages)):
            return False
        if self._tags and (post is None or self._tags.isdisjoint(folded(tag.removeprefix("#")) for tag in post.tags)):
            return False
        if self._words and not any(has_words(seen.folded, word) for word in self._words):
            return False
        return self.pattern is None or self.pattern.fits(seen.text)


class _Somebody:
    """`network/identity`, or a glob of an identity or of a name."""

    def __init__(self, text: str) -> None:
        network, slash, id = text.partition("/")
        self._id = IdentityId(NetworkName(network), id) if slash and id and "*" not in text else None
        self._fits = _glob(text, _NAME)

    def is_one(self, who: Identity, seen: Seen) -> bool:
        if self._id is not None and (who.id == self._id or seen.one_human(who.id, self._id)):
            return True
        return any(map(self._fits, (str(who.id), who.id.id, who.profile.name or "")))


def _glob(text: str, longest: int) -> Callable[[str], bool]:
    """`*` alone has a meaning. Of a name only so much is compared; raises `BadRule` for what is longer than that."""
    if len(text) > longest:
        raise BadRule(f"nobody's name has {len(text)} characters: {longest} are enough")
    parts = (part.replace("[", "[[]").replace("?", "[?]") for part in folded(text).split("*"))
    fits = re.compile(translate("*".join(parts))).match
    return lambda name: bool(name) and fits(folded(name[:longest])) is not None


def _speaks(language: str | None, wanted: frozenset[str]) -> bool:
    if not language:
        return False
    spoken = language.casefold().replace("_", "-")
    return spoken in wanted or spoken.partition("-")[0] in wanted


class Rules:
    """Of one room, in the order in which they count."""

    def __init__(self, standing: Sequence[Standing]) -> None:
        self.standing = tuple(standing)
        self.rooms = tuple(dict.fromkeys(one.rule.to for one in standing if one.rule.to.startswith(("#", "!"))))
        """To which some posts are moved."""

    def verdict(self, seen: Seen, now: datetime) -> Standing | None:
        """The rule that decides on a post; None: it comes here."""
        if isinstance(seen.event.body, Reactions):
            return self._unheard(seen, now)
        return next((one for one in self.standing if one.fits(seen, now)), None)

    def _unheard(self, seen: Seen, now: datetime) -> Standing | None:
        """A reaction is hidden where all that its author says is. What takes reactions back never is."""
        if not isinstance(seen.event.body, Reactions) or not seen.event.body.keys:
            return None
        return next(
            (one for one in self.standing if one.rule.to == NOWHERE and _people_alone(one.rule) and one.fits(seen, now)), None
        )


def _people_alone(rule: Rule) -> bool:
    others = (rule.words, rule.pattern, rule.kinds, rule.languages, rule.tags, rule.sources, rule.accounts)
    return bool(rule.people) and not any(others)


class Verdicts(Struct, frozen=True):
    """For whom it may concern: which rules hid or moved an event."""

    names: tuple[str, ...] = ()

    @property
    def note(self) -> str | None:
        return None if not self.names else "by rule: " + "; ".join(self.names)
