"""The doctor's visit to the homeserver: does it know us, can it reach us, may we do our work in each room?"""

from collections.abc import AsyncIterator, Mapping
from hmac import compare_digest
from typing import Any

import aiohttp
from aiohttp import web

from bridge.config.rules import split_address
from bridge.config.settings import PortalSettings, Settings, Tokens
from bridge.contract.errors import DeliveryError
from bridge.matrix.api import Api
from bridge.matrix.ping import Pinger
from bridge.matrix.power import missing_rights
from bridge.matrix.state import read_state
from bridge.ops.findings import Finding, Grade, reason

TIMEOUT = aiohttp.ClientTimeout(total=15)
_AREA = "homeserver"


async def look_at_homeserver(settings: Settings, held: Tokens) -> AsyncIterator[Finding]:
    """Stops at the first thing without which the rest can't be seen."""
    bot = f"@{held.bot}:{settings.homeserver.domain}"
    async with aiohttp.ClientSession(timeout=TIMEOUT) as session:
        known = False
        for finding in await _known(session, settings, held, bot):
            known = finding.grade is Grade.OK
            yield finding
        if not known:
            return
        yield await _reached(session, settings, held)
        api = Api(session, settings.homeserver.url, held.appservice, bot=bot)
        for portal in settings.portals:
            yield await _room(api, portal, bot, settings.homeserver.domain)


async def _get(session: aiohttp.ClientSession, url: str, token: str | None = None) -> tuple[int, Mapping[str, Any]]:
    """Status and answer. Raises `aiohttp.ClientError` or `TimeoutError`."""
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    async with session.get(url, headers=headers) as response:
        return response.status, await _json(response)


async def _json(response: aiohttp.ClientResponse) -> Mapping[str, Any]:
    try:
        answer = await response.json(content_type=None)
    except ValueError:
        return {}
    return answer if isinstance(answer, dict) else {}


async def _known(session: aiohttp.ClientSession, settings: Settings, held: Tokens, bot: str) -> list[Finding]:
    url = settings.homeserver.url.rstrip("/")
    try:
        status, versions = await _get(session, f"{url}/_matrix/client/versions")
        if status != 200 or "versions" not in versions:
            return [Finding(_AREA, Grade.WRONG, f"{url} answers, but not as a homeserver does (HTTP {status})")]
        status, who = await _get(session, f"{url}/_matrix/client/v3/account/whoami", held.appservice)
    except (aiohttp.ClientError, TimeoutError) as error:
        return [Finding(_AREA, Grade.WRONG, f"{url} can't be reached: {reason(error)}")]
    if status == 401:
        words = "it does not know our token: give it the registration file and restart it"
        return [Finding(_AREA, Grade.WRONG, words)]
    if status != 200:
        return [Finding(_AREA, Grade.WRONG, f"it refuses our token (HTTP {status}): {who.get('error', '')}")]
    if who.get("user_id") != bot:
        words = f"our token is {who.get('user_id')} there, not {bot}: homeserver.domain or the registration is not its own"
        return [Finding(_AREA, Grade.WRONG, words)]
    return [Finding(_AREA, Grade.OK, f"{url} knows us as {bot}")]


async def _reached(session: aiohttp.ClientSession, settings: Settings, held: Tokens) -> Finding:
    """Lets the homeserver call us back. Where no bridge listens we stand in for it that long."""
    stand_in = await _stand_in(settings.bridge.listen, held.homeserver)
    pinger = Pinger(session, settings.homeserver.url, held.appservice, held.appservice_id, ours=settings.bridge.public_url)
    try:
        diagnosis = await pinger.ping("check")
    finally:
        if stand_in is not None:
            await stand_in.cleanup()
    taken = f", in {diagnosis.milliseconds} ms" if diagnosis.milliseconds is not None else ""
    return Finding("way back", Grade.OK if diagnosis.reached else Grade.WRONG, f"{diagnosis.words}{taken}")


async def _stand_in(listen: str, hs_token: str) -> web.AppRunner | None:
    """Answers the homeserver's ping; transactions it is told to send later. None where somebody listens there already."""

    async def ping(request: web.Request) -> web.Response:
        given = request.headers.get("Authorization", "").removeprefix("Bearer ")
        if not compare_digest(given.encode(), hs_token.encode()):
            return web.json_response({"errcode": "M_FORBIDDEN", "error": "another hs_token"}, status=403)
        return web.json_response({})

    async def later(request: web.Request) -> web.Response:
        return web.json_response({"errcode": "M_UNKNOWN", "error": "the bridge is being checked"}, status=503)

    app = web.Application()
    app.router.add_post("/_matrix/app/v1/ping", ping)
    app.router.add_route("*", "/{rest:.*}", later)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=1)
    await runner.setup()
    host, port = split_address(listen)
    try:
        await web.TCPSite(runner, host, port).start()
    except OSError:
        await runner.cleanup()
        return None
    return runner


async def _room(api: Api, portal: PortalSettings, bot: str, domain: str) -> Finding:
    """Whether the bot is in a room and may do there what it must."""
    area = portal.room
    try:
        room_id = await api.resolve(portal.room) if portal.room.startswith("#") else portal.room
        if room_id is None:
            ours = portal.room.endswith(f":{domain}")
            words = "it is made when the bridge runs" if ours else "no such room: it can only be made on our own homeserver"
            return Finding(area, Grade.NOTE if ours else Grade.WRONG, words)
        facts = read_state(await api.state(room_id), bot)
    except DeliveryError as error:
        return Finding(area, Grade.WRONG, f"the bot can't see it ({error.reason}): invite {bot}")
    missing = missing_rights(facts.power, bot)
    if facts.encrypted:
        return Finding(area, Grade.WRONG, "it is encrypted, and the bridge can't read that: link a room that is not")
    if facts.bridges:
        return Finding(area, Grade.WARNING, f"another bridge is there too: {', '.join(facts.bridges)}")
    return Finding(area, Grade.WARNING, "; ".join(missing)) if missing else Finding(area, Grade.OK, "the bot has all it needs")
