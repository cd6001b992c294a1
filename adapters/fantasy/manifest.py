"""What the pretend network can do."""

from adapters.fantasy.config import FantasyConfig
from adapters.fantasy.ids import fold_channel
from adapters.fantasy.outbound import split
from bridge.contract.features import Evidence, Feature, Features, Level, Limits, Manifest, Unit, VoiceKind

FEATURES = Features(
    levels={
        Feature.TEXT: Level.NATIVE,
        Feature.EMOTE: Level.NATIVE,
        Feature.REPLY: Level.NATIVE,
        Feature.EDIT: Level.NATIVE,
        Feature.REDACTION: Level.NATIVE,
        Feature.REACTIONS: Level.NATIVE,
        Feature.TOPIC: Level.NATIVE,
        Feature.HTML: Level.RENDERED,
        Feature.NOTICE: Level.RENDERED,
        Feature.ATTACHMENT: Level.RENDERED,
        Feature.MENTION: Level.RENDERED,
        Feature.WARNING: Level.RENDERED,
        Feature.POLL: Level.RENDERED,
        Feature.LOCATION: Level.RENDERED,
        Feature.POST: Level.RENDERED,
        Feature.BOOST: Level.RENDERED,
        Feature.THREAD: Level.RENDERED,
        Feature.MEMBERSHIP: Level.DROPPED,
    },
    limits=Limits(text=400, unit=Unit.BYTES, in_flight=8),
    voice=VoiceKind.NAME,
    evidence=Evidence.ASSIGNED,
)

MANIFEST = Manifest(
    protocol="fantasy",
    title="A pretend network",
    config=FantasyConfig,
    features=FEATURES,
    split=split,
    losses=("Bold, links and other formatting become plain text.",),
    fold_channel=fold_channel,
)
