"""Connections to addresses that everybody can reach, and to no other: what is behind our firewall is not for webhooks.

The check is made when a connection is opened, on the address that it then goes to: whatever a name meant before, and
whatever it will mean a second later. Host header and SNI keep the name.
"""

import asyncio
import ipaddress
import socket
from collections.abc import Iterable, Sequence

import httpcore

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

_NAT64 = ipaddress.ip_network("64:ff9b::/96")
_IPV4_BITS = 0xFFFF_FFFF


class ForbiddenAddressError(Exception):
    """The name leads to no address that a webhook may be sent to."""


def is_allowed(address: Address, networks: Sequence[Network]) -> bool:
    """Whether a webhook may go there: the address is public, or lies in one of `networks`."""
    if any(address in network for network in networks):
        return True
    if isinstance(address, ipaddress.IPv6Address) and (inner := _inner(address)) is not None:
        return is_allowed(inner, networks)
    return address.is_global and not address.is_multicast


def _inner(address: ipaddress.IPv6Address) -> Address | None:
    """The IPv4 address that an IPv6 one stands for: mapped, 6to4, Teredo, NAT64."""
    if address in _NAT64:
        return ipaddress.IPv4Address(int(address) & _IPV4_BITS)
    teredo = address.teredo
    return address.ipv4_mapped or address.sixtofour or (teredo[1] if teredo else None)


class GuardedBackend(httpcore.AsyncNetworkBackend):
    """Opens TCP connections to allowed addresses only."""

    def __init__(self, networks: Sequence[Network] = ()) -> None:
        self._networks = networks
        self._inner = httpcore.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 - httpcore's signature
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """Resolve, check, connect to what was checked.

        Raises:
            ForbiddenAddressError: none of the addresses is allowed; nothing was connected.
            httpcore.ConnectError: the name is unknown, or nobody answers.

        """
        try:
            found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError) as error:
            raise httpcore.ConnectError(f"{host} cannot be resolved: {error}") from error
        addresses = list(dict.fromkeys(ipaddress.ip_address(each[4][0]) for each in found))
        allowed = [address for address in addresses if is_allowed(address, self._networks)]
        if not allowed:
            raise ForbiddenAddressError(f"{host} leads to {', '.join(map(str, addresses))}, which is not public")
        failure: Exception = httpcore.ConnectError(host)
        for address in allowed:
            try:
                return await self._inner.connect_tcp(str(address), port, timeout, local_address, socket_options)
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failure = error
        raise failure

    async def sleep(self, seconds: float) -> None:
        """Sleep."""
        await self._inner.sleep(seconds)
