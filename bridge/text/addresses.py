"""Which addresses of the internet a stranger may have us call. Pure."""

import ipaddress
from typing import TypeAlias

_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
_EXTRA = tuple(
    map(ipaddress.ip_network, ("0.0.0.0/8", "100.64.0.0/10", "192.0.0.0/24", "192.88.99.0/24", "64:ff9b:1::/48", "fec0::/10"))
)

Address: TypeAlias = ipaddress.IPv4Address | ipaddress.IPv6Address


def is_public(address: Address) -> bool:
    """Whether it is an address of the open internet, and, where another address is wrapped in it, that one too."""
    inner = wrapped(address)
    if inner is not None:
        return is_public(inner)
    if not address.is_global or address.is_multicast or address.is_reserved:
        return False
    return not any(address.version == network.version and address in network for network in _EXTRA)


def wrapped(address: Address) -> ipaddress.IPv4Address | None:
    """Of a mapped, NAT64, 6to4, Teredo or (long deprecated) compatible IPv6 address: the IPv4 address that is meant."""
    if isinstance(address, ipaddress.IPv4Address):
        return None
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped
    if address in _NAT64 or (int(address) >> 32 == 0 and int(address) > 1):
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    if address.sixtofour is not None:
        return address.sixtofour
    return address.teredo[1] if address.teredo is not None else None
