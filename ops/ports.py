"""Free ports of this machine, for what a local system starts and may start again."""

import random
import socket

BELOW_EPHEMERAL = range(20_000, 32_000)
"""From 32768 on Linux gives ports to outgoing connections (``net.ipv4.ip_local_port_range``): anybody may have got such
a one between two starts of a service, for as long as the connection lasts."""


def free_port() -> int:
    """Find a port of 127.0.0.1 on which nobody listens."""
    while True:
        port = random.choice(BELOW_EPHEMERAL)  # noqa: S311 - no secret
        try:
            with socket.create_server(("127.0.0.1", port)):
                return port
        except OSError:
            continue


def free_ports(count: int) -> list[int]:
    """Find so many, each another."""
    found: set[int] = set()
    while len(found) < count:
        found.add(free_port())
    return list(found)
