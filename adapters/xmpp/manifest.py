"""What XMPP can carry, honestly. The manifest says the best of rooms and direct chats; a live channel says what it can do."""

from collections.abc import Mapping

from msgspec.structs import replace

from adapters.xmpp.config import XmppConfig
from adapters.xmpp.ids import direct_for, direct_with, fold_channel, login_of, owner_of
from adapters.xmpp.outbound import split
from adapters.xmpp.stanza.clean import BODY_CAP
from bridge.contract.features import Evidence, Feature, Features, Level, Limits, Manifest, Unit, VoiceKind

OVERHEAD = 16 * 1024
"""Bytes of a stanza that are left for what is not its text."""
WINDOW = 128
"""Messages of one channel that may be on their way at a time."""
PARTS = 20
"""Messages one message may become before the rest goes to a page."""

_LEVELS: Mapping[Feature, Level] = {
    Feature.TEXT: Level.NATIVE,
    Feature.HTML: Level.NATIVE,
    Feature.EMOTE: Level.NATIVE,
    Feature.NOTICE: Level.NATIVE,
    Feature.ATTACHMENT: Level.RENDERED,
    Feature.REPLY: Level.NATIVE,
    Feature.THREAD: Level.NATIVE,
    Feature.MENTION: Level.NATIVE,
    Feature.WARNING: Level.NATIVE,
    Feature.POLL: Level.RENDERED,
    Feature.LOCATION: Level.RENDERED,
    Feature.POST: Level.RENDERED,
    Feature.BOOST: Level.RENDERED,
    Feature.EDIT: Level.NATIVE,
    Feature.REDACTION: Level.NATIVE,
    Feature.REACTIONS: Level.NATIVE,
    Feature.MEMBERSHIP: Level.NATIVE,
    Feature.PROFILE: Level.DROPPED,
    Feature.NAME: Level.DROPPED,
    Feature.TOPIC: Level.NATIVE,
    Feature.AVATAR: Level.DROPPED,
    Feature.TYPING: Level.NATIVE,
    Feature.READ: Level.DROPPED,
    Feature.PRESENCE: Level.DROPPED,
    Feature.MODERATORS: Level.DROPPED,
}

_GRANTS = {Feature.MODERATORS: Level.NATIVE}
_BEST = _GRANTS | dict.fromkeys((Feature.ATTACHMENT, Feature.READ, Feature.PRESENCE), Level.NATIVE)
"""What direct chats of an account can do besides, and rooms where it is wanted."""


def room_features(stanza_bytes: int, *, grants: bool = False) -> Features:
    """Of a room, through the component. `grants`: who moderates on Matrix is a moderator there."""
    return Features(
        levels={**_LEVELS, **_GRANTS} if grants else _LEVELS,
        limits=Limits(text=_text_bytes(stanza_bytes), unit=Unit.BYTES, parts=PARTS, in_flight=WINDOW),
        voice=VoiceKind.PUPPET,
        evidence=Evidence.ECHOED,
    )


def _text_bytes(stanza_bytes: int) -> int:
    return min(BODY_CAP, max(stanza_bytes - OVERHEAD, stanza_bytes // 2))


MANIFEST = Manifest(
    protocol="xmpp",
    title="XMPP",
    config=XmppConfig,
    features=replace(room_features(200_000), levels={**_LEVELS, **_BEST}),
    split=split,
    losses=(
        "Polls, locations and posts are text.",
        "Where the server has no upload service that takes a file, it is a link to the bridge.",
        "Read marks and presence pass in direct chats only.",
        "Names and pictures of rooms stay as they are on each side.",
        "Who is met in rooms only is shown without the picture that they have.",
        "In rooms without an archive, what was said while the bridge was away is lost, as far as the room doesn't repeat it.",
        "What others wrote can be taken back only in rooms that know moderation, and where one of ours is a moderator.",
        "Private messages within a room go nowhere; their authors are told.",
        "In anonymous rooms, people can be banned only where the room shows us their address.",
        "Encrypted messages (OMEMO, OpenPGP) can't be read; a notice stands in their place.",
    ),
    fold_channel=fold_channel,
    login_of=login_of,
    owner_of=owner_of,
    direct_with=direct_with,
    watches=True,
    direct_for=lambda config, who, user: direct_for(who, user) if config.component is not None else None,
)
