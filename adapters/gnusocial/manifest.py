"""What these servers can carry, honestly. The manifest says the best; a live channel says what its server allows now."""

from collections.abc import Mapping

from adapters.gnusocial.config import GnuSocialConfig
from adapters.gnusocial.ids import Kind, Place, direct_with, fold_channel, login_of, posts_to
from adapters.gnusocial.outbound import split
from adapters.gnusocial.wire.account import Allowed
from bridge.contract.features import Evidence, Feature, Features, Level, Limits, Manifest, Unit, VoiceKind

_POSTS: Mapping[Feature, Level] = {
    Feature.TEXT: Level.NATIVE,
    Feature.HTML: Level.RENDERED,
    Feature.EMOTE: Level.NATIVE,
    Feature.NOTICE: Level.RENDERED,
    Feature.ATTACHMENT: Level.NATIVE,
    Feature.REPLY: Level.NATIVE,
    Feature.THREAD: Level.RENDERED,
    Feature.MENTION: Level.NATIVE,
    Feature.WARNING: Level.RENDERED,
    Feature.POLL: Level.RENDERED,
    Feature.LOCATION: Level.RENDERED,
    Feature.POST: Level.RENDERED,
    Feature.BOOST: Level.NATIVE,
    Feature.EDIT: Level.REFUSED,
    Feature.REDACTION: Level.NATIVE,
    Feature.REACTIONS: Level.NATIVE,
    Feature.MEMBERSHIP: Level.DROPPED,
    Feature.PROFILE: Level.DROPPED,
    Feature.NAME: Level.DROPPED,
    Feature.TOPIC: Level.DROPPED,
    Feature.AVATAR: Level.DROPPED,
    Feature.TYPING: Level.DROPPED,
    Feature.READ: Level.DROPPED,
    Feature.PRESENCE: Level.DROPPED,
    Feature.MODERATORS: Level.DROPPED,
}
_DIRECT: Mapping[Feature, Level] = {
    **_POSTS,
    Feature.ATTACHMENT: Level.RENDERED,
    Feature.REPLY: Level.RENDERED,
    Feature.BOOST: Level.RENDERED,
    Feature.REDACTION: Level.REFUSED,
    Feature.REACTIONS: Level.DROPPED,
}


def features_of(place: Place, allowed: Allowed) -> Features:
    """The author is always the login's owner, so no name is written before the text: the account is their own presence."""
    direct = place.kind is Kind.DIRECT
    files = allowed.file != 0
    levels = _DIRECT if direct else _POSTS if files else {**_POSTS, Feature.ATTACHMENT: Level.RENDERED}
    limits = Limits(text=allowed.text, unit=Unit.CHARACTERS, in_flight=1, attachment=allowed.file or None)
    return Features(levels=levels, limits=limits, voice=VoiceKind.PUPPET, evidence=Evidence.ASSIGNED)


MANIFEST = Manifest(
    protocol="gnusocial",
    title="GNU social",
    config=GnuSocialConfig,
    features=features_of(Place(Kind.HOME, "", "me"), Allowed()),
    split=split,
    losses=(
        "A post can't be changed: an edit is refused, in words.",
        "Reactions are favourites (⭐) and repeats (🔁); others stay in the room.",
        "Formatting becomes plain text.",
        "A content warning, a poll and a place are written into the text.",
        "What a picture shows (its description) is written below the text.",
        "A quote is a post with a link to what it quotes.",
        "A direct message can't be deleted, and carries pictures as links.",
        "Posts for some people only have no form: everything that is no direct message is public.",
        "A favourite made elsewhere, and not by this bridge, is taken back only with the last reaction.",
        "Posts of one's own that were made in the last seconds before a start of the bridge are seen a little later.",
    ),
    fold_channel=fold_channel,
    login_of=login_of,
    posts_to=posts_to,
    direct_with=direct_with,
)
