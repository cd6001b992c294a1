"""What a Matrix room can show: nearly everything."""

from bridge.contract.features import Evidence, Feature, Features, Level, Limits, Unit, VoiceKind

HUB_FEATURES = Features(
    levels=dict.fromkeys(Feature, Level.NATIVE),
    # An event has 64 KiB: HTML beside the plain text, both twice in an edit, and JSON's own escapes.
    limits=Limits(text=12_000, unit=Unit.BYTES, joins=True),
    voice=VoiceKind.PUPPET,
    evidence=Evidence.ASSIGNED,
)
"""A boost is a 🔁 reaction where the original is in the room, else the original in its author's own voice, naming the booster."""
