"""No service imports what it does not use: libraries are most of its memory, and of its way to being ready."""

import asyncio
import sys

import pytest

from contracts import ServiceName

NOT_FOR_ALL = {
    *("aiosmtplib", "alembic", "argon2", "authlib", "babel", "cryptography", "dns", "fastapi", "httpx", "httpx2"),
    *("jinja2", "joserfc", "limits", "opentelemetry.sdk", "pygments", "rich", "starlette_admin", "typer"),
}
USED = {
    ServiceName.DNS: {"dns", "httpx"},
    ServiceName.DEPLOY: {"httpx"},
    ServiceName.BOOTSTRAP: {"cryptography", "httpx"},
    ServiceName.NOTIFY: {"aiosmtplib", "babel", "jinja2"},
    ServiceName.MARKETPLACE: {
        *("argon2", "babel", "fastapi", "httpx", "jinja2", "limits", "starlette_admin"),
    },
}
RUN = """
import sys
from importlib.metadata import entry_points
import ops.start, ops.running
sys.modules.update(dict.fromkeys(ops.start.UNUSED))
entry_points(group="vrs.services")[sys.argv[1]].load()
print(*(name for name, module in sys.modules.items() if module))
"""


@pytest.mark.parametrize("service", ServiceName)
async def test_a_service_imports_the_libraries_that_it_uses_and_no_other(service: ServiceName) -> None:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", RUN, service.value), stdout=asyncio.subprocess.PIPE
    )
    told, _ = await process.communicate()
    assert set(told.decode().split()) & NOT_FOR_ALL == USED[service]
