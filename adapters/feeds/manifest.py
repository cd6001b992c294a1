"""What feeds can carry: everything inward, nothing outward."""

from adapters.feeds.config import FeedsConfig
from adapters.feeds.ids import fold_channel
from bridge.contract.features import Evidence, Feature, Features, Level, Manifest, VoiceKind

_REFUSED = (
    Feature.TEXT,
    Feature.HTML,
    Feature.EMOTE,
    Feature.NOTICE,
    Feature.ATTACHMENT,
    Feature.REPLY,
    Feature.THREAD,
    Feature.POLL,
    Feature.LOCATION,
    Feature.POST,
    Feature.BOOST,
)
"""What somebody meant to say: its author is told that it can't be. All else nobody minds."""

FEATURES = Features(
    levels={feature: Level.REFUSED if feature in _REFUSED else Level.DROPPED for feature in Feature},
    voice=VoiceKind.PREFIX,
    evidence=Evidence.WRITTEN,
)

MANIFEST = Manifest(
    protocol="feeds",
    title="Feeds",
    config=FeedsConfig,
    features=FEATURES,
    losses=(
        "Feeds are read only: what is said to one is refused, in words.",
        "A post that vanishes from a feed stays, unless the feed says that it was deleted.",
        "Of a feed that is followed anew, the newest three entries are shown, as history.",
        "What came and went between two looks, and is on no older page of the feed, is never seen.",
        "Changes of an entry are told for two weeks, and not every few minutes.",
        "Feeds behind a password can't be followed.",
        "Who follows or joins whom is left out, unless `activities` says so.",
    ),
    fold_channel=fold_channel,
)
