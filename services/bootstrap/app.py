"""Bootstrap's composition root."""

import ssl
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import timedelta
from functools import partial

from contracts import (
    AppDeployed,
    AppRouted,
    CertificateExpiring,
    CoreHealthy,
    CoreRetired,
    CustomerText,
    DomainConnected,
    PluginsChanged,
    PluginsConverged,
    ProjectCancelled,
    ServiceName,
)
from services.bootstrap.core import Core, core_http
from services.bootstrap.domains import connect_domains
from services.bootstrap.expiry import watch_certificates
from services.bootstrap.handlers import await_core, converge_plugins, retire_core
from services.bootstrap.models import WatchedCore, WatchedDomain
from services.bootstrap.settings import BootstrapSettings
from shared.database import open_database
from shared.grants import ALL, Grant, May
from shared.models import Expiry, License, LicenseHistory
from shared.service import Consumer, Service
from shared.settings import SettingsError, load

LOOKS_AT_ONCE = 64

GRANTS = (
    Grant(License, (May.READ, May.CHANGE), ("vrs_state",)),  # active when the project is live, ended at its end
    Grant(LicenseHistory, (May.ADD,)),
    Grant(WatchedCore, ALL),
    Grant(WatchedDomain, ALL),
    Grant(Expiry, ALL),
)

NOT_STARTED = CustomerText(
    de="Ihr Projekt ist installiert, aber noch nicht vollständig gestartet. Wir kümmern uns darum und melden uns.",
    en="Your project is installed but has not started completely yet. We are on it and will be in touch.",
)


@asynccontextmanager
async def bootstrap() -> AsyncIterator[Service]:
    """Yield the service; its connections end with the block."""
    settings = load(BootstrapSettings)
    try:
        http = core_http(settings.core_ca_file)
    except ssl.SSLError:
        raise SettingsError(f"VRS_CORE_CA_FILE: {settings.core_ca_file} holds no PEM certificate") from None
    database = open_database(
        settings.model_copy(update={"database_pool_size": 1}), application_name="vrs bootstrap background"
    )
    async with AsyncExitStack() as exits:
        await exits.enter_async_context(http)
        exits.push_async_callback(database.engine.dispose)
        core = Core(http, connect=settings.core_connect, health_path=settings.core_health_path)
        yield Service(
            name=ServiceName.BOOTSTRAP,
            publishes=(CoreHealthy, PluginsConverged, DomainConnected, CertificateExpiring, CoreRetired),
            background={"certificates": watch_certificates(database, core)},
            grants=GRANTS,
            consumers=(
                Consumer(
                    event=AppDeployed,
                    handler=partial(await_core, core),
                    concurrency=LOOKS_AT_ONCE,
                    deadline=timedelta(seconds=settings.bootstrap_deadline),
                    due=timedelta(seconds=settings.bootstrap_due),
                    failed_text=NOT_STARTED,
                ),
                Consumer(
                    event=PluginsChanged,
                    handler=partial(converge_plugins, core),
                    concurrency=LOOKS_AT_ONCE,
                    deadline=timedelta(seconds=settings.bootstrap_deadline),
                    fails_project=False,  # the project is live, and what ran before still runs
                ),
                Consumer(
                    event=AppRouted,
                    handler=partial(connect_domains, core),
                    concurrency=LOOKS_AT_ONCE,
                    deadline=timedelta(seconds=settings.bootstrap_deadline),
                    fails_project=False,  # the project is live, and answers where it did before
                    serial=True,
                ),
                Consumer(event=ProjectCancelled, handler=retire_core, needs_project=False),
            ),
        )
