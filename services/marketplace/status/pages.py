"""Pages for customers and strangers: nothing for search engines, nothing that runs or loads from elsewhere."""

import re
from http import HTTPStatus
from typing import Any

from fastapi.responses import HTMLResponse
from jinja2 import Environment, PackageLoader, StrictUndefined

from contracts import Locale
from services.marketplace.status import words
from shared.hosts import as_shown

HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "Vary": "Accept-Language",
    "X-Content-Type-Options": "nosniff",
    "X-Robots-Tag": "noindex, nofollow",
}
_ACCEPTED = re.compile(r"([a-z]{2})[\w-]*\s*(?:;\s*q=([01](?:\.\d+)?))?", re.IGNORECASE)

_pages = Environment(
    loader=PackageLoader("services.marketplace.status"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
_pages.filters["shown"] = as_shown


def page(template: str, locale: Locale, status: HTTPStatus, **facts: Any) -> HTMLResponse:
    """Answer with a page."""
    html = _pages.get_template(template).render(lang=locale, locales=list(Locale), words=words.WORDS[locale], **facts)
    return HTMLResponse(html, status, HEADERS | {"Content-Language": locale})


def locale_of(asked: str, accepted: str, otherwise: Locale) -> Locale:
    """`asked` for by name, else what the browser likes best of ours, else `otherwise`."""
    if asked in list(Locale):
        return Locale(asked)
    liked = {name.lower(): float(weight or 1) for name, weight in reversed(_ACCEPTED.findall(accepted))}
    ours = [locale for locale in Locale if liked.get(locale, 0) > 0]
    return max(ours, key=lambda locale: liked[locale], default=otherwise)
