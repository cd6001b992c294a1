"""What rooms, the bot and puppets are called, for people who look at a list."""

from contextlib import suppress

from mautrix.api import Method

from bridge.matrix.api import Api, Refusal, path


async def point(api: Api, alias: str, room: str) -> None:
    """The alias leads to the room; one that leads somewhere already stays as it is."""
    try:
        await api.call(Method.PUT, path("directory", "room", alias), {"room_id": room})
    except Refusal as refusal:
        if refusal.status != 409:
            raise


async def set_profile(api: Api, user: str, field: str, value: str) -> None:
    """`field` is `displayname` or `avatar_url`."""
    await api.call(Method.PUT, path("profile", user, field), {field: value}, user=user)


async def introduce(api: Api) -> None:
    """Without a name the bot would be shown as a user id; one that its operator gave it stays. Raises `Unavailable`."""
    try:
        named = await api.call(Method.GET, path("profile", api.bot, "displayname"))
    except Refusal:
        named = {}  # some homeservers say so of a user who has no name
    if named.get("displayname"):
        return
    with suppress(Refusal):  # it may be that nobody may choose names there
        await set_profile(api, api.bot, "displayname", api.bot[1:].partition(":")[0])
