"""What ``vrs doctor`` asks Coolify, without changing anything there."""

import re

from services.deploy.coolify import Coolify
from shared.errors import PermanentError

OLDEST = (4, 2, 0)
"""Actions are POST-only, and tags can be given on create, from this version on."""


async def check_coolify(coolify: Coolify) -> str:
    """Return what was found: version, servers, abilities.

    Raises:
        PermanentError: the version is too old, no server can be used, or the token may not do enough.
        TemporaryError: Coolify cannot be reached.

    """
    said = await coolify.version()
    number = re.match(r"v?(\d+)\.(\d+)\.(\d+)", said)
    if number is None or tuple(map(int, number.groups())) < OLDEST:
        wanted = ".".join(map(str, OLDEST))
        raise PermanentError(f"Coolify {said[:40]!r} is too old, {wanted} is needed", code="coolify_too_old")
    servers = await coolify.servers()
    unusable = [server.name for server in servers if not server.is_usable]
    if len(unusable) == len(servers):
        raise PermanentError("Coolify has no usable server: validate one in its UI", code="coolify_no_server")
    await coolify.probe("/projects")  # 400 without a body, but 403 without the ability `write`
    await coolify.probe("/deploy")  # 400 without a uuid, but 403 without the ability `deploy`
    away = f" (not {', '.join(unusable)})" if unusable else ""
    return (
        f"Coolify {said}, {len(servers) - len(unusable)} of {len(servers)} servers usable{away}, "
        "token may read, write and deploy"
    )
