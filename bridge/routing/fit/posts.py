"""A message posted with somebody's account: one post, or what its room says (`split`) where that server takes none so long."""

from collections.abc import Sequence

from msgspec.structs import replace

from bridge.contract.features import Feature, Level, Unit
from bridge.model.events import Message, Ref
from bridge.routing.fit.context import Fitting
from bridge.routing.fit.parts import shortened, split_message
from bridge.text.split import size_of

MOST = 25
"""Posts of one thread: more of them are a flood, and surely a mistake."""


def as_posts(message: Message, fitting: Fitting, account: str) -> tuple[tuple[Message, ...], str | None]:
    """The posts, each but the first an answer to the one before it; or none, and words for the author.

    An adapter's split leaves room for marks that a post may need later; where the whole text fits without them it stays whole.
    """
    features = fitting.features
    posts = (fitting.split or split_message)(message, fitting.voice, features)
    texts = tuple(post for post in posts if post.text.plain.strip())
    if len(texts) <= 1:
        return _chained(posts, fitting), None
    limit, size = features.limits.text, size_of(message.text.plain, features.limits.unit)
    fits = limit is None or size <= limit
    if fits and not message.attachments:
        return (message,), None
    unit = "bytes" if features.limits.unit is Unit.BYTES else "characters"
    count = f"{size} of {limit} {unit} on {account}"
    words = count if not fits else f"there is no room beside what is attached: {count}"
    mode = fitting.leg.portal.timeline.split
    if mode == "thread":
        if len(posts) > MOST:
            return (), f"{words}; as a thread that would be {len(posts)} posts, and at most {MOST} are made of one message"
        return _chained(posts, fitting), None
    if mode == "link":
        kept, sorry = shortened(texts, fitting, 1)
        if sorry is None:
            pictures = tuple(post for post in posts if not post.text.plain.strip())
            return _chained((*kept, *pictures), fitting), None
        words += "; this bridge has no public address under which the whole could be read"
    return (), words


def _chained(posts: Sequence[Message], fitting: Fitting) -> tuple[Message, ...]:
    """Each answers the one before it, which goes by the same event: see `bridge.delivery.targets`."""
    if fitting.level(Feature.REPLY) is not Level.NATIVE:
        return tuple(posts)
    before = Ref(key=fitting.event.key, author=fitting.event.author)
    return (posts[0], *(replace(post, reply_to=before) for post in posts[1:]))
