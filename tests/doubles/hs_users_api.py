"""What the fake homeserver answers about users, profiles, media, itself and the appservice."""

import time
from typing import Any

import aiohttp
from aiohttp import web

from tests.doubles.hs_rooms import Json, Refusal, forbidden
from tests.doubles.hs_wire import Answers, Call


def versions(call: Call) -> Json:
    return {"versions": [f"v1.{minor}" for minor in range(1, 17)], "unstable_features": {"org.matrix.msc3916.stable": True}}


def whoami(call: Call) -> Json:
    return {"user_id": call.user, "is_guest": False}


def register(call: Call) -> Json:
    body = call.body
    if body.get("type") != "m.login.application_service" or call.token not in call.hs.appservices:
        raise Refusal(400, "M_UNKNOWN", "Only appservices register here")
    user = f"@{body.get('username')}:{call.hs.domain}"
    if not call.hs.appservices[call.token].owns(user):
        raise Refusal(400, "M_EXCLUSIVE", "Invalid user localpart for this application service.")
    if user in call.hs.world.users:
        raise Refusal(400, "M_USER_IN_USE", "User ID already taken.")
    call.hs.world.users[user] = {"displayname": body.get("username")}
    return {"user_id": user, "home_server": call.hs.domain}


def profile(call: Call) -> Json:
    user = call.words[1]
    facts = call.hs.world.users.get(user)
    if facts is None:
        raise Refusal(404, "M_NOT_FOUND", "Profile was not found")
    if call.method == "GET":
        return {key: value for key, value in facts.items() if value and (len(call.words) < 3 or call.words[2] == key)}
    if user != call.user:
        raise forbidden("Cannot set another user's profile")
    call.hs.world.set_profile(user, call.words[2], call.body.get(call.words[2]))
    return {}


def presence(call: Call) -> Json:
    if call.words[1] != call.user:
        raise forbidden("Cannot set another user's presence")
    call.hs.presence[call.user] = call.body
    return {}


def account_data(call: Call) -> Json:
    """`/user/{user}/account_data/{type}` and `/user/{user}/rooms/{room}/account_data/{type}`."""
    key = tuple(call.words[1:])
    if call.method == "PUT":
        call.hs.account_data[key] = call.body
        return {}
    if key not in call.hs.account_data:
        raise Refusal(404, "M_NOT_FOUND", "Account data not found")
    return call.hs.account_data[key]


def upload(call: Call) -> Json:
    hs = call.hs
    if len(call.raw) > hs.upload_cap:
        raise Refusal(413, "M_TOO_LARGE", "Upload request body is too large")
    if len(call.words) > 2:  # PUT /upload/{server}/{id} of MSC2246
        hs.media[call.words[2]] = (call.raw, call.type, call.query.get("filename"))
        return {}
    return {"content_uri": hs.store(call.raw, call.type, call.query.get("filename"))}


def reserve(call: Call) -> Json:
    return {"content_uri": call.hs.store(b"", "application/octet-stream", None)}


def download(call: Call) -> web.Response:
    """`/_matrix/client/v1/media/download/{server}/{id}[/{name}]` (MSC3916: with a token only)."""
    found = call.hs.media.get(call.words[3]) if call.words[2] == call.hs.domain else None
    if found is None:
        raise Refusal(404, "M_NOT_FOUND", "Not found")
    data, kind, name = found
    headers = {"Content-Disposition": f'inline; filename="{name}"' if name else "inline"}
    return web.Response(body=data, headers={**headers, "Content-Type": kind or "application/octet-stream"})


def thumbnail(call: Call) -> web.Response:
    """A picture, made smaller by being cut to as many bytes as it may have pixels."""
    found = call.hs.media.get(call.words[3]) if call.words[2] == call.hs.domain else None
    if found is None or not (found[1] or "").startswith("image/"):
        raise Refusal(400, "M_UNKNOWN", "Cannot find any thumbnails for the requested media")
    return web.Response(body=found[0][: int(call.query["width"])], headers={"Content-Type": found[1] or ""})


def media_config(call: Call) -> Json:
    return {"m.upload.size": call.hs.upload_cap}


async def ping(call: Call) -> Json:
    """`POST /_matrix/client/v1/appservice/{id}/ping`: calls the appservice back at once, and ends a back-off."""
    hs = call.hs
    service = hs.appservices.get(call.token)
    if service is None or service.id != call.words[1]:
        raise forbidden("Appservice ID does not match the token")
    hs.push.wake()
    if hs.push.url is None:
        raise Refusal(400, "M_URL_NOT_SET", "The application service does not have a URL set")
    started = time.monotonic()
    status, text = await _call_back(hs.push.url, hs.push.hs_token, call.body)
    if status != 200:
        raise Refusal(502, "M_BAD_STATUS", f"HTTP {status}", status=status, body=text)
    return {"duration_ms": int((time.monotonic() - started) * 1000)}


async def _call_back(url: str, hs_token: str, body: Json) -> tuple[int, str]:
    headers = {"Authorization": f"Bearer {hs_token}"}
    try:
        async with (
            aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=5)) as session,
            session.post(f"{url}/_matrix/app/v1/ping", json=body, headers=headers) as answer,
        ):
            return answer.status, await answer.text()
    except TimeoutError:
        raise Refusal(504, "M_CONNECTION_TIMEOUT", "Connection to application service timed out") from None
    except aiohttp.ClientError as error:
        raise Refusal(502, "M_CONNECTION_FAILED", str(error)) from None


async def ask(url: str, hs_token: str, path: str) -> tuple[int, Any]:
    """What a homeserver asks an appservice: user and alias queries, third-party lookups. (0, None): not reached."""
    headers = {"Authorization": f"Bearer {hs_token}"}
    try:
        async with (
            aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=20)) as session,
            session.get(f"{url}/_matrix/app/v1/{path}", headers=headers) as answer,
        ):
            return answer.status, await answer.json()
    except (aiohttp.ClientError, TimeoutError):
        return 0, None


USERS: Answers = {
    ("GET", "versions"): versions,
    ("GET", "account"): whoami,
    ("POST", "register"): register,
    ("GET", "profile"): profile,
    ("PUT", "profile"): profile,
    ("PUT", "presence"): presence,
    ("GET", "user"): account_data,
    ("PUT", "user"): account_data,
    ("POST", "upload"): upload,
    ("PUT", "upload"): upload,
    ("POST", "create"): reserve,
    ("GET", "download"): download,
    ("GET", "thumbnail"): thumbnail,
    ("GET", "config"): media_config,
    ("POST", "ping"): ping,
}
