"""Typing, read marks and presence, as the homeserver takes them."""

from mautrix.api import Method

from bridge.matrix.api import Api, path


async def type_in(api: Api, room: str, user: str, active: bool, *, seconds: int = 30) -> None:
    """Forgotten by the homeserver after so many seconds, should the end get lost."""
    content = {"typing": True, "timeout": seconds * 1000} if active else {"typing": False}
    await api.call(Method.PUT, path("rooms", room, "typing", user), content, user=user)


async def mark_read(api: Api, room: str, user: str, event: str) -> None:
    await api.call(Method.POST, path("rooms", room, "receipt", "m.read", event), {}, user=user)


async def set_presence(api: Api, user: str, presence: str, status: str | None) -> None:
    """`presence`: online, unavailable or offline."""
    content = {"presence": presence, **({"status_msg": status} if status else {})}
    await api.call(Method.PUT, path("presence", user, "status"), content, user=user)
