"""What a direct chat of an account can do."""

from collections.abc import Mapping

from adapters.xmpp.accounts.services import Services
from bridge.contract.features import Evidence, Feature, Features, Level, Limits, Unit, VoiceKind

WINDOW = 50
"""Messages of one chat that may be on their way at a time."""
_OVERHEAD = 16 * 1024
"""Bytes of a stanza that are left for what is not its text."""
_NATIVE = (
    Feature.TEXT,
    Feature.HTML,
    Feature.EMOTE,
    Feature.NOTICE,
    Feature.REPLY,
    Feature.THREAD,
    Feature.MENTION,
    Feature.WARNING,
    Feature.EDIT,
    Feature.REDACTION,
    Feature.REACTIONS,
    Feature.TYPING,
    Feature.READ,
    Feature.PRESENCE,
)
_LEVELS: Mapping[Feature, Level] = {
    **dict.fromkeys(_NATIVE, Level.NATIVE),
    Feature.ATTACHMENT: Level.RENDERED,
    Feature.POLL: Level.RENDERED,
    Feature.LOCATION: Level.RENDERED,
    Feature.POST: Level.RENDERED,
    Feature.BOOST: Level.RENDERED,
}


def direct_features(services: Services, stanza_bytes: int) -> Features:
    files = {Feature.ATTACHMENT: Level.NATIVE} if services.upload is not None else {}
    return Features(
        levels={**_LEVELS, **files},
        limits=Limits(
            text=stanza_bytes - _OVERHEAD if stanza_bytes > 2 * _OVERHEAD else stanza_bytes // 2,
            unit=Unit.BYTES,
            in_flight=WINDOW,
            attachment=services.upload_limit,
        ),
        voice=VoiceKind.NAME,
        evidence=Evidence.FENCED,
    )
