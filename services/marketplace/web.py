"""The marketplace's HTTP side."""

from fastapi import FastAPI

from services.marketplace import core_routes, preview_routes
from services.marketplace.admin.frame import mount_admin
from services.marketplace.api import (
    availability,
    base_domains,
    cancellation,
    capacity,
    domains,
    mail_domains,
    previews,
    projects,
    retry,
    servers,
    story,
    transfers,
    webhooks,
)
from services.marketplace.api.document import describe
from services.marketplace.body_limit import BodyLimit
from services.marketplace.dependencies import RateLimit
from services.marketplace.feed import Feed
from services.marketplace.problems import answer_with_problems
from services.marketplace.request_metrics import RequestTimes
from services.marketplace.request_spans import RequestSpans
from services.marketplace.settings import MarketplaceSettings
from services.marketplace.status.routes import serve_status
from shared.database import Database

PROJECTS = (projects, story, cancellation, retry, domains, mail_domains, transfers)
API = (*PROJECTS, availability, capacity, previews, servers, base_domains, webhooks)


def web(database: Database, settings: MarketplaceSettings) -> FastAPI:
    """Everything that the marketplace answers."""
    app = FastAPI(
        title="VRS marketplace", version="1", openapi_url="/api/v1/openapi.json", docs_url=None, redoc_url=None
    )
    answer_with_problems(app)
    app.add_middleware(BodyLimit, most=settings.api_body_bytes)
    app.add_middleware(RequestSpans)
    app.add_middleware(RequestTimes)
    app.state.database, app.state.settings = database, settings
    app.state.rate_limit, app.state.feed = RateLimit(settings.api_rate_limit), Feed(database)
    for resource in (core_routes, *API, preview_routes):
        app.include_router(resource.router)
    describe(app)
    mount_admin(app, database, settings)
    serve_status(app, database)
    return app
