"""The broker for one command: reached once, or a sentence that says what is missing."""

import aiormq
from aiormq.abc import AbstractConnection
from pydantic import SecretStr

from ops.failure import CommandError
from shared.messaging.broker import CONNECTION_ERRORS
from shared.messaging.trouble import reason_of
from shared.settings import DatabaseUrl, Settings, load


class BusSettings(Settings):
    """Conformance needs the broker alone."""

    database_url: DatabaseUrl = SecretStr("postgresql://nobody.invalid/")


async def connect_bus() -> AbstractConnection:
    """Connect to the broker of ``VRS_AMQP_URL``; close the connection at the end.

    Raises:
        SettingsError: it is not set.
        CommandError: it does not answer, or refuses us.

    """
    try:
        return await aiormq.connect(load(BusSettings).amqp_url.get_secret_value())
    except CONNECTION_ERRORS as error:
        raise CommandError(f"The broker of VRS_AMQP_URL does not answer: {reason_of(error)}") from error
