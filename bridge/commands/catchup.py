"""catch-up: what came while somebody was away, the weightiest first or person by person."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Protocol

from msgspec import Struct
from msgspec.structs import replace

from bridge.commands.calming import ROOM, Calming, span
from bridge.commands.line import Arguments
from bridge.commands.linking import many, one
from bridge.commands.office import Refused
from bridge.commands.render import counted
from bridge.commands.watching import when
from bridge.contract.words import Answer, Argument, Asker, Word
from bridge.ledger.missed import Came
from bridge.model.events import Boost, Message, Reactions
from bridge.model.ids import HUB, EventKey, IdentityId
from bridge.model.people import Identity
from bridge.model.portals import Portal
from bridge.text.plain import excerpt, one_line

PAGE = 15
"""Posts that one answer lists."""
MOST = 1_000
AGO = timedelta(hours=24)
"""How far back, where nobody knows how far one has read."""
_WORDS, _NAME = 100, 40


class Post(Struct, frozen=True, kw_only=True):
    key: EventKey
    author: Identity
    words: str
    length: int
    at: datetime
    native: str
    """The event in the room; empty where a digest lists it."""
    number: int | None = None
    """In that digest."""
    page: str = ""
    boosts: int = 0
    reactions: int = 0
    to_me: bool = False

    @property
    def weight(self) -> tuple[bool, int, int]:
        """Answers to me first, then what moved others, then what took long to write."""
        return (self.to_me, self.boosts + self.reactions, self.length)


class Reading(Protocol):
    """What this word needs of the running bridge."""

    async def read_until(self, user: str, portal: Portal) -> datetime | None:
        """Until when somebody has read a room; of who has just come back, until when before that. None: nobody knows."""
        ...

    async def posts(self, user: str, portal: Portal, since: datetime) -> Sequence[Post]:
        """What others wrote that came there since, oldest first; at most `MOST`."""
        ...

    def keep(self, user: str, portal: Portal, posts: Sequence[Post]) -> None:
        """What is left for `catch-up more`; for a while."""
        ...

    def kept(self, user: str, portal: Portal) -> Sequence[Post]: ...

    def link(self, portal: Portal, native: str) -> str:
        """Where clients open an event of the room."""
        ...


def catchup_words(calming: Calming, reading: Reading, command: str) -> tuple[Word, ...]:
    async def run(asker: Asker, arguments: Arguments) -> Answer:
        portal = await calming.room(asker, one(arguments, "room") if "room" in arguments else None, change=False)
        said = [token.lower() for token in many(arguments, "how")]
        if said == ["more"]:
            left = reading.kept(asker.user, portal)
            if not left:
                raise Refused('There is no more. Say "catch-up" to look again.')
            return _page(reading, asker, portal, left, "", command)
        by_author, length = _asked(said)
        read = await reading.read_until(asker.user, portal) if length is None else None
        since = read or calming.now() - (length or AGO)
        posts = await reading.posts(asker.user, portal, since)
        ordered = by_authors(posts) if by_author else sorted(posts, key=lambda post: post.weight, reverse=True)
        return _page(reading, asker, portal, ordered, _head(posts, since, known=read is not None), command)

    word = Word(
        name="catch-up",
        summary="what you missed in this room: catch-up [by author|by weight] [since 8h], catch-up more",
        run=run,
        arguments=(
            Argument(name="how", summary='"by author" or "by weight", "since 8h"; or "more"', required=False, many=True),
            ROOM,
        ),
    )
    return (word,)


def _asked(said: Sequence[str]) -> tuple[bool, timedelta | None]:
    """Whether by author, and since how long. Raises `Refused`."""
    rest, by_author, length = [*said], False, None
    while rest:
        token = rest.pop(0)
        if token == "by" and rest and rest[0] in ("author", "authors", "weight"):
            by_author = rest.pop(0) != "weight"
        elif token == "since" and rest:
            unit = [rest.pop(1)] if len(rest) > 1 and rest[1] not in ("by", "since") else []
            length = span(" ".join((rest.pop(0), *unit)))
        else:
            raise Refused('Say "catch-up", "catch-up by author", "catch-up by weight", "catch-up since 8h" or "catch-up more".')
    return by_author, length


def by_authors(posts: Sequence[Post]) -> list[Post]:
    """Who answered me first, then who wrote most; of each the oldest first. Pure."""
    groups: dict[IdentityId, list[Post]] = {}
    for post in posts:
        groups.setdefault(post.author.id, []).append(post)
    ordered = sorted(
        groups.values(), key=lambda group: (not any(post.to_me for post in group), -len(group), str(group[0].author.id))
    )
    return [post for group in ordered for post in group]


def gathered(
    came: Sequence[Came],
    *,
    mine: Collection[IdentityId],
    answered: Mapping[EventKey, IdentityId],
    numbers: Mapping[str, int],
) -> list[Post]:
    """The posts among what came, with what others thought of them. Pure.

    `answered`: whose is what an answer names; `numbers`: of deliveries that a digest lists.
    """
    names: dict[EventKey, EventKey] = {}
    for one_ in came:
        key = one_.event.key
        for name in (key.id, *one_.event.aliases):
            names.setdefault(EventKey(key.network, name), key)
        names.setdefault(EventKey(HUB, one_.native), key)
    boosts, reactions = _moved(came, names)
    posts = []
    for one_ in came:
        post = _post(one_, names)
        if post is None or post.author.id in mine:
            continue
        posts.append(
            replace(
                post,
                number=numbers.get(one_.delivery or ""),
                boosts=boosts.get(post.key, 0),
                reactions=sum(reactions.get(post.key, {}).values()),
                to_me=_is_to(one_.event.body, mine, answered),
            )
        )
    return posts[-MOST:]


def _moved(
    came: Sequence[Came], names: Mapping[EventKey, EventKey]
) -> tuple[dict[EventKey, int], dict[EventKey, dict[IdentityId, int]]]:
    """Boosts and reactions by post; of reactions the last word of each."""
    boosts: dict[EventKey, int] = {}
    reactions: dict[EventKey, dict[IdentityId, int]] = {}
    for one_ in came:
        body = one_.event.body
        if isinstance(body, Boost):
            target = names.get(body.target.key, one_.event.key)
            boosts[target] = boosts.get(target, 0) + 1
        elif isinstance(body, Reactions) and (target := names.get(body.target.key, body.target.key)):
            reactions.setdefault(target, {})[one_.event.author.id] = len(body.keys)
    return boosts, reactions


def _post(came: Came, names: Mapping[EventKey, EventKey]) -> Post | None:
    """None for what is no post, or passes one on that came, too."""
    event, body = came.event, came.event.body
    author, message = event.author, body
    if isinstance(body, Boost) and body.comment is None:
        if names.get(body.target.key, event.key) != event.key or body.original is None:
            return None
        author, message = body.target.author or event.author, body.original
    if isinstance(message, Boost) and message.comment is not None:
        message = Message(text=message.comment)
    if not isinstance(message, Message):
        return None
    title = message.post.title if message.post is not None and message.post.title else ""
    words = f"⚠ {message.warning}" if message.warning else " — ".join(filter(None, (title, message.text.plain)))
    said = words or ", ".join(attachment.alt or attachment.name for attachment in message.attachments)
    return Post(
        key=event.key,
        author=author,
        words=excerpt(said, _WORDS),
        length=len(message.text.plain),
        at=came.at,
        native=came.native,
        page=message.post.permalink or "" if message.post is not None else "",
    )


def _is_to(body: object, mine: Collection[IdentityId], answered: Mapping[EventKey, IdentityId]) -> bool:
    if not isinstance(body, Message):
        return False
    above = body.reply_to
    author = None if above is None else above.author.id if above.author is not None else answered.get(above.key)
    return author in mine or any(mention.who.id in mine for mention in body.mentions)


def _head(posts: Sequence[Post], since: datetime, *, known: bool) -> str:
    people = len({post.author.id for post in posts})
    to_me = sum(post.to_me for post in posts)
    where = f"since you last read here ({when(since)})" if known else f"since {when(since)}"
    told = f"{counted(len(posts), 'post')} by {counted(people, 'author')} {where}." if posts else f"Nothing came {where}."
    return told + (f" {to_me} of them to you." if to_me else "")


def _page(reading: Reading, asker: Asker, portal: Portal, posts: Sequence[Post], head: str, command: str) -> Answer:
    shown, left = posts[:PAGE], posts[PAGE:]
    reading.keep(asker.user, portal, left)
    more = f"{counted(len(left), 'post')} more: {command}catch-up more" if left else ""
    rows = tuple(
        (
            excerpt(one_line(post.author.name), _NAME),
            ("→ you: " if post.to_me else "") + post.words,
            " ".join(filter(None, (f"🔁{post.boosts}" if post.boosts else "", f"⭐{post.reactions}" if post.reactions else ""))),
            reading.link(portal, post.native)
            if post.native
            else f"{command}show {post.number}"
            if post.number is not None
            else "",
            post.page,
        )
        for post in shown
    )
    data = [
        {"event": str(post.key), "author": str(post.author.id), "words": post.words, "at": post.at, "to_me": post.to_me}
        | {"boosts": post.boosts, "reactions": post.reactions, "in_room": post.native or None, "page": post.page or None}
        for post in shown
    ]
    columns = ("who", "says", "moved", "in the room", "page")
    return Answer(text="\n".join(filter(None, (head, more))), columns=columns, rows=rows, data=data)
