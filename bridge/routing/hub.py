"""What a Matrix room can show: nearly everything."""

from bridge.contract.features import Evidence, Feature, Features, Level, Limits, Unit, VoiceKind

HUB_FEATURES = Features(
    levels={
        **dict.fromkeys(Feature, Level.NATIVE),
        Feature.BOOST: Level.RENDERED,
        Feature.POST: Level.RENDERED,
        Feature.POLL: Level.RENDERED,
        Feature.WARNING: Level.RENDERED,
    },
    # An event has 64 KiB: HTML beside the plain text, both twice in an edit, and JSON's own escapes.
    limits=Limits(text=12_000, unit=Unit.BYTES, in_flight=1),
    voice=VoiceKind.PUPPET,
    evidence=Evidence.ASSIGNED,
)
"""Boosts become a 🔁 reaction or the original's own words; warnings, polls and facts of a post are written into the text."""
