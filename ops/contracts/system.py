"""The services as their composition roots build them, without credentials and without a connection to anywhere."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import entry_points

from contracts import Event, ServiceName
from ops.failure import CommandError
from shared.messaging.topology import published_by
from shared.service import Build, Consumer, Service
from shared.settings import PREFIX, SettingsError

PLACEHOLDERS = {
    "VRS_AMQP_URL": "amqp://rabbitmq.invalid/",
    "VRS_DATABASE_URL": "postgresql://postgres.invalid/vrs",
    "VRS_INWX_USER": "placeholder",
    "VRS_INWX_PASSWORD": "placeholder",
    "VRS_COOLIFY_URL": "https://coolify.invalid",
    "VRS_COOLIFY_TOKEN": "0|placeholder",
    "VRS_COOLIFY_PROJECT": "placeholder",
    "VRS_MARKETPLACE_URL": "https://marketplace.invalid",
    "VRS_SMTP_URL": "smtp://smtp.invalid",
    "VRS_MAIL_FROM": "placeholder@vrs.example",
    "VRS_CASE_WORKERS": "placeholder@vrs.example",
}
"""What a service cannot be built without. Building connects to nothing, and none of these names resolves."""


async def build_services() -> tuple[Service, ...]:
    """Build every service, in the order of `ServiceName`. Their clients are closed again: only read what they are.

    Raises:
        CommandError: a service needs a setting that has no placeholder.

    """
    roots = {entry.name: entry for entry in entry_points(group="vrs.services")}
    services = []
    with _placeholders():
        for name in ServiceName:
            build: Build = roots[name].load()
            try:
                async with build() as service:
                    services.append(service)
            except SettingsError as error:
                raise CommandError(f"{name}: {error}; give it a placeholder in {__name__}.PLACEHOLDERS") from error
    return tuple(services)


def publishers_of(services: tuple[Service, ...], event: type[Event]) -> list[Service]:
    """Who says `event`."""
    return [service for service in services if event in published_by(service)]


def consumers_of(services: tuple[Service, ...], event: type[Event]) -> list[tuple[Service, Consumer]]:
    """Who hears `event`."""
    return [(service, each) for service in services for each in service.consumers if each.event is event]


@contextmanager
def _placeholders() -> Iterator[None]:
    """Hide the operator's settings: a document must not depend on who generates it."""
    hidden = {name: os.environ.pop(name) for name in list(os.environ) if name.startswith(PREFIX)}
    os.environ.update(PLACEHOLDERS)
    try:
        yield
    finally:
        for name in PLACEHOLDERS:
            del os.environ[name]
        os.environ.update(hidden)
