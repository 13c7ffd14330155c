"""What bootstrap needs from the environment."""

import re
from typing import Annotated

from pydantic import AfterValidator, FilePath, StringConstraints

from shared.settings import Seconds, Settings


def _host_and_port(address: str) -> str:
    match = re.fullmatch(r"(?:[^\s:/@\[\]]+|\[[0-9a-fA-F:.]+\]):(\d{1,5})", address)
    if match is None or not 0 < int(match[1]) < 65536:  # noqa: PLR2004 - TCP's last port
        raise ValueError("expected host:port, for example 127.0.0.1:8443")
    return address


class BootstrapSettings(Settings):
    """`core_connect` (``host:port``) is connected to instead of the server's address; Host and SNI stay.

    `core_ca_file` is a PEM file with authorities that are trusted beside the public ones. After `bootstrap_due`
    seconds its step counts as late, after `bootstrap_deadline` it is given up.
    """

    core_connect: Annotated[str, AfterValidator(_host_and_port)] | None = None
    core_ca_file: FilePath | None = None
    core_health_path: Annotated[str, StringConstraints(pattern=r"^/[!-~]*$")] = "/health"
    bootstrap_due: Seconds = 300.0
    bootstrap_deadline: Seconds = 1800.0
