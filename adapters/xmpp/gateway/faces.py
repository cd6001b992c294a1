"""Who our addresses stand for, as others see them: names and small pictures, asked for and kept for a while."""

import hashlib
from collections import OrderedDict
from typing import Generic, TypeVar

from msgspec import Struct

from bridge.contract.errors import Unavailable
from bridge.contract.toolbox import Shrinks, Toolbox
from bridge.model.events import Attachment
from bridge.model.ids import IdentityId
from bridge.model.people import Profile

PIXELS = 96
"""Each way, of a picture in a stanza."""
LARGEST = 64 * 1024
"""Bytes of one."""
FRESH_SECONDS = 600.0
MISSING_SECONDS = 60.0
"""For which nobody, or no picture, is looked for again."""
_PROFILES, _PICTURES = 5000, 64

_Key = TypeVar("_Key")
_Value = TypeVar("_Value")


class Picture(Struct, frozen=True):
    data: bytes
    type: str
    sha1: str
    """Hexadecimal."""


class _Shelf(Generic[_Key, _Value]):
    """The newest `most`, each until its time has passed."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._kept: OrderedDict[_Key, tuple[float, _Value | None]] = OrderedDict()

    def get(self, key: _Key, now: float) -> tuple[bool, _Value | None]:
        until, value = self._kept.get(key, (now, None))
        return until > now, value

    def put(self, key: _Key, value: _Value | None, until: float) -> None:
        self._kept[key] = (until, value)
        self._kept.move_to_end(key)
        if len(self._kept) > self._most:
            self._kept.popitem(last=False)


class Faces:
    def __init__(self, tools: Toolbox) -> None:
        self._tools = tools
        self._profiles: _Shelf[IdentityId, Profile] = _Shelf(_PROFILES)
        self._pictures: _Shelf[str, Picture] = _Shelf(_PICTURES)

    async def profile(self, who: IdentityId) -> Profile | None:
        """None: nobody, or nobody to be shown. Raises `Unavailable`."""
        now = self._tools.clock.monotonic()
        known, profile = self._profiles.get(who, now)
        if not known:
            profile = await self._tools.linking.profile(who)
            self._profiles.put(who, profile, now + (MISSING_SECONDS if profile is None else FRESH_SECONDS))
        return profile

    async def picture(self, profile: Profile | None) -> Picture | None:
        """None where there is none, or it can't be had now."""
        source = profile.avatar if profile is not None else None
        if source is None:
            return None
        now = self._tools.clock.monotonic()
        known, picture = self._pictures.get(source, now)
        if not known:
            picture = await self._fetched(source)
            self._pictures.put(source, picture, now + (MISSING_SECONDS if picture is None else FRESH_SECONDS))
        return picture

    async def _fetched(self, source: str) -> Picture | None:
        media, data = self._tools.media, bytearray()
        try:
            small = source.startswith("mxc:") and isinstance(media, Shrinks)
            async with media.shrunk(source, PIXELS) if small else media.open(Attachment(source=source, name="picture")) as stream:  # type: ignore[attr-defined]
                kind = stream.type.partition(";")[0].strip().lower()
                if not kind.startswith("image/"):
                    return None
                async for chunk in stream.chunks():
                    data += chunk
                    if len(data) > LARGEST:
                        return None
        except (OSError, Unavailable) as error:
            self._tools.log.info("a picture could not be had: %s", error)
            return None
        return Picture(bytes(data), kind, hashlib.sha1(data, usedforsecurity=False).hexdigest()) if data else None
