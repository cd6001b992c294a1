"""Accounts, who follows whom, blocks, groups, direct messages."""

from datetime import timedelta
from itertools import islice
from urllib.parse import unquote

from aiohttp import web

from adapters.gnusocial.demo import actions
from adapters.gnusocial.demo.api.call import Call, Endpoint, answer, cached
from adapters.gnusocial.demo.render import twitter
from adapters.gnusocial.demo.things import ApiError, Group, Profile


async def verify_credentials(call: Call, _: str) -> web.Response:
    return _user(call, call.me)


async def rate_limit(call: Call, _: str) -> web.Response:
    at = call.site.now() + timedelta(hours=1)
    data = {
        "reset_time_in_seconds": int(at.timestamp()),
        "remaining_hits": 150,
        "hourly_limit": 150,
        "reset_time": f"{at:%a, %d %b %Y %H:%M:%S} +0000",
    }
    return answer(call, data, name="hash")


async def update_profile(call: Call, _: str) -> web.Response:
    me, given = call.me, call.given
    me.fullname = given.get("name", me.fullname or "") or None
    me.bio = given.get("description", me.bio or "") or None
    me.location = given.get("location", me.location or "") or None
    me.homepage = given.get("url", me.homepage or "") or None
    return _user(call, me)


async def show(call: Call, id: str) -> web.Response:
    return _user(call, call.someone(unquote(id), early=True))


async def friends(call: Call, id: str) -> web.Response:
    who = call.someone(unquote(id)) if id else call.me
    return _people(call, "ApiUserFriends", who, call.site.followed_by(who))


async def followers(call: Call, id: str) -> web.Response:
    who = call.someone(unquote(id)) if id else call.me
    return _people(call, "ApiUserFollowers", who, call.site.followers_of(who))


async def friend_ids(call: Call, id: str) -> web.Response:
    who = call.someone(unquote(id)) if id else call.me
    return _people(call, "ApiUserFriends", who, call.site.followed_by(who), only_ids=True)


async def follow(call: Call, id: str) -> web.Response:
    whom = call.someone(unquote(id), words="Could not follow user: User not found.")
    actions.follow(call.site, call.me, whom)
    return _user(call, whom)


async def unfollow(call: Call, id: str) -> web.Response:
    whom = call.someone(unquote(id), words="Could not unfollow user: User not found.")
    actions.unfollow(call.site, call.me, whom)
    return _user(call, whom)


async def friendship(call: Call, _: str) -> web.Response:
    sides = [call.given.get(f"{side}_id") or call.given.get(f"{side}_screen_name") for side in ("source", "target")]
    source = call.site.named(sides[0]) if sides[0] else call.viewer
    target = call.site.named(sides[1])
    if source is None or target is None:
        raise ApiError(404, "Could not find target user.")
    return answer(call, twitter.relationship(call.site, source, target))


async def exists(call: Call, _: str) -> web.Response:
    one, other = (call.site.named(call.given.get(name)) for name in ("user_a", "user_b"))
    if one is None or other is None:
        raise ApiError(404, "Could not find both users.")
    return answer(call, call.site.following(one, other))


async def block(call: Call, id: str) -> web.Response:
    whom = call.someone(unquote(id), words="No such user.")
    actions.block(call.site, call.me, whom)
    return _user(call, whom)


async def unblock(call: Call, id: str) -> web.Response:
    whom = call.someone(unquote(id), words="No such user.")
    call.site.blocks.discard((call.me.id, whom.id))
    return _user(call, whom)


async def new_direct(call: Call, _: str) -> web.Response:
    """Stores the message, and then fails: this version has forgotten how to show it."""
    me, text = call.me, call.given.get("text", "").strip()
    if not text:
        raise ApiError(406, "No message text!")
    to = call.given.get("user_id") or call.given.get("user") or call.given.get("screen_name")
    whom = call.site.named(to)
    if whom is None:
        raise ApiError(403, "Recipient user not found.")
    if whom is me:
        raise ApiError(403, "Do not send a message to yourself; just say it to yourself quietly instead.")
    actions.direct(call.site, me, whom, text)
    form = "Json" if call.face == "json" else "Xml"
    raise ApiError(500, f"Call to undefined method ApiDirectMessageNewAction::showSingle{form}directMessage()")


async def create_group(call: Call, _: str) -> web.Response:
    given = call.given
    nick, fullname = given.get("nickname", ""), given.get("full_name", "")
    made = actions.found_group(call.site, call.me, nick, fullname, given.get("description", ""), given.get("location", ""))
    return answer(call, twitter.group(made, call.viewer), name="group")


async def show_group(call: Call, id: str) -> web.Response:
    group = _group(call, id)
    made = answer(call, twitter.group(group, call.viewer), name="group")
    return cached(call, made, "ApiGroupShow", group.id, newest=group.created, oldest=None)


async def join_group(call: Call, id: str) -> web.Response:
    group = _group(call, id)
    actions.join(call.site, call.me, group)
    return answer(call, twitter.group(group, call.viewer), name="group")


async def leave_group(call: Call, id: str) -> web.Response:
    group = _group(call, id)
    actions.leave(call.site, call.me, group)
    return answer(call, twitter.group(group, call.viewer), name="group")


GET: dict[str, Endpoint] = {
    r"account/verify_credentials": verify_credentials,
    r"account/rate_limit_status": rate_limit,
    r"users/show(?:/([^/]+))?": show,
    r"statuses/friends(?:/([^/]+))?": friends,
    r"statuses/followers(?:/([^/]+))?": followers,
    r"friends/ids(?:/([^/]+))?": friend_ids,
    r"friendships/show": friendship,
    r"friendships/exists": exists,
    r"statusnet/groups/show/([^/]+)": show_group,
}
POST: dict[str, Endpoint] = {
    r"account/update_profile": update_profile,
    r"friendships/create(?:/([^/]+))?": follow,
    r"friendships/destroy(?:/([^/]+))?": unfollow,
    r"blocks/create(?:/([^/]+))?": block,
    r"blocks/destroy(?:/([^/]+))?": unblock,
    r"direct_messages/new": new_direct,
    r"statusnet/groups/create": create_group,
    r"statusnet/groups/join/([^/]+)": join_group,
    r"statusnet/groups/leave/([^/]+)": leave_group,
}


def _user(call: Call, who: Profile) -> web.Response:
    return answer(call, twitter.user(call.site, who, call.viewer, latest=True), name="user")


def _people(call: Call, action: str, who: Profile, people: list[Profile], *, only_ids: bool = False) -> web.Response:
    start = (call.page - 1) * call.count
    shown = list(islice(people, start, start + call.count))
    if only_ids:
        made = answer(call, [one.id for one in shown])
    else:
        made = answer(call, [twitter.user(call.site, one, call.viewer, latest=True) for one in shown], name="users")
    if not shown:
        return made
    kind = "IDs" if only_ids else "Profiles"
    return cached(call, made, action, who.id, kind, newest=shown[0].created, oldest=shown[-1].created)


def _group(call: Call, id: str) -> Group:
    wanted = unquote(id).lower()
    for group in call.site.groups.values():
        if wanted in (group.nick, str(group.id)):
            return group
    raise ApiError(404, "Group not found.")
