"""What IRC can carry, honestly. The manifest says the best; a live channel says what its server offers."""

from collections.abc import Mapping

from adapters.irc.config import IrcConfig
from adapters.irc.ids import fold
from adapters.irc.split import SAFE_LIMIT, split
from bridge.contract.features import Evidence, Feature, Features, Level, Limits, Manifest, Unit, VoiceKind

PARTS = 12
"""Lines one message may become before the rest goes to a page."""
PARTS_LIMITED = 5
"""The same with flood control on: more would hold the channel up for many seconds."""
WINDOW = 64
"""Lines in flight in one channel with flood control off."""
WINDOW_IN_SMALL_PIECES = 3
"""The same where more lines in one piece, with the PING behind them, would wait for seconds in the server (ngIRCd 26: 4 rounds of
3 lines take no time, of 6 lines 4 s)."""

_ALWAYS: Mapping[Feature, Level] = {
    Feature.TEXT: Level.NATIVE,
    Feature.HTML: Level.NATIVE,
    Feature.EMOTE: Level.NATIVE,
    Feature.NOTICE: Level.NATIVE,
    Feature.ATTACHMENT: Level.RENDERED,
    Feature.REPLY: Level.RENDERED,
    Feature.THREAD: Level.RENDERED,
    Feature.MENTION: Level.NATIVE,
    Feature.WARNING: Level.RENDERED,
    Feature.POLL: Level.RENDERED,
    Feature.LOCATION: Level.RENDERED,
    Feature.POST: Level.RENDERED,
    Feature.BOOST: Level.RENDERED,
    Feature.EDIT: Level.RENDERED,
    Feature.REDACTION: Level.REFUSED,
    Feature.REACTIONS: Level.DROPPED,
    Feature.MEMBERSHIP: Level.DROPPED,
    Feature.PROFILE: Level.DROPPED,
    Feature.NAME: Level.DROPPED,
    Feature.TOPIC: Level.NATIVE,
    Feature.AVATAR: Level.DROPPED,
    Feature.TYPING: Level.DROPPED,
    Feature.READ: Level.DROPPED,
    Feature.PRESENCE: Level.DROPPED,
    Feature.MODERATORS: Level.DROPPED,
}


def levels(capabilities: frozenset[str]) -> Mapping[Feature, Level]:
    """What can be said over a connection with these capabilities on."""
    found = dict(_ALWAYS)
    if "message-tags" in capabilities:
        found[Feature.REACTIONS] = Level.NATIVE
        found[Feature.TYPING] = Level.NATIVE
    if {"message-tags", "echo-message"} <= capabilities:  # else the ids of our own lines are not known
        found[Feature.REPLY] = Level.NATIVE
    if "draft/message-redaction" in capabilities:
        found[Feature.REDACTION] = Level.NATIVE
    return found


MANIFEST = Manifest(
    protocol="irc",
    title="IRC",
    config=IrcConfig,
    features=Features(
        levels=levels(frozenset({"message-tags", "echo-message", "draft/message-redaction"})),
        limits=Limits(text=SAFE_LIMIT, unit=Unit.BYTES, lines=1, parts=PARTS, in_flight=WINDOW),
        voice=VoiceKind.NAME,
        evidence=Evidence.ECHOED,
    ),
    split=split,
    losses=(
        "A line cannot be changed: an edit is a new line.",
        "A deleted message stays readable, unless the server knows draft/message-redaction.",
        "A reaction cannot be taken back, and is seen by few clients.",
        "Matrix people speak through the bridge's one nick with their name before the text, unless the server relays names.",
        "Who is in the Matrix room is not shown on IRC.",
        "Files and pictures become links.",
        "Replies are seen as replies by few clients; for others the name of who is answered stands before the text.",
        "Modes other than bans, and bans that mean nobody known, have no form on Matrix.",
        "What is said to a channel's operators only is not passed on, unless `to_ranks` says so.",
        "Private messages to the bridge go nowhere; their authors are told.",
        "Reverse video and the colours outside the table of 99 are left out.",
        "What was said while the bridge was not connected is never seen, nor what it was just reading when it was killed.",
        "What was on its way when the bridge was killed may come a second time, marked as a possible repeat.",
        "Avatars, room names and read marks have no form.",
    ),
    fold_channel=lambda name: fold(name, "ascii"),
)
