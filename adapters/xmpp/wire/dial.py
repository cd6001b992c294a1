"""Where the server of an account is: as the operator says, else as the DNS does (RFC 6120 §3.2, XEP-0368)."""

import asyncio
import ipaddress
from typing import Any

from slixmpp.xmlstream.resolver import default_resolver, resolve

from adapters.common.hosts import endpoint
from adapters.xmpp.config import XmppConfig
from adapters.xmpp.wire.client import Address
from bridge.contract.errors import Disconnected
from bridge.text.addresses import is_public

PORT, DIRECT_PORT = 5222, 5223
DIRECT = "xmpps-client"
_SECONDS = 10.0
_MOST = 8


async def addresses(host: str, config: XmppConfig) -> list[Address]:
    """Best first. Raises `Disconnected` in words where there is none, or none that may be called."""
    if (at := config.client_servers.get(host)) is not None:
        name, port = endpoint(at, PORT)
        return [Address(name, port, port == DIRECT_PORT)]
    found = await _resolved(host)
    if not found:
        raise Disconnected(f"there is no XMPP server for {host}")
    if config.private_servers:
        return found[:_MOST]
    allowed = [one for one in found if _is_public(one.host)]
    if not allowed:
        raise Disconnected(f"the server of {host} is at no public address; private_servers or client_servers can allow it")
    return allowed[:_MOST]


async def _resolved(host: str) -> list[Address]:
    loop = asyncio.get_running_loop()
    resolver: Any = default_resolver(loop)
    try:
        async with asyncio.timeout(_SECONDS):
            records = await resolve(host, PORT, loop=loop, services=[DIRECT, "xmpp-client"], resolver=resolver)
    except OSError:
        return []
    finally:
        await resolver.close()
    return [Address(address, port, service == DIRECT) for service, _, address, port in records]


def _is_public(address: str) -> bool:
    try:
        return is_public(ipaddress.ip_address(address))
    except ValueError:
        return False
