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

HUB_LOSSES = (
    "A poll is text: its votes are those of when it was seen, and nobody can vote from a room.",
    "A quotation of another's post is a quotation in the text, with a link.",
    "A post over 12,000 bytes is several messages: its title in the first, its permalink in the last.",
    "Tags that don't stand in a post's text, its language and its conversation are for programs only.",
    "Clients that don't know MSC4193 show hidden pictures, with the warning below them.",
    "Clients that don't know MSC2530 show a picture's caption as its name.",
    "The order that a network numbers its posts by is not kept.",
    "Of a text over 256 KiB the end is left out, and of more than 64 files the rest; the message says so.",
    "Formatting of more than 4,000 tags is left out where a client sent it: the plain text beside it is carried.",
)
