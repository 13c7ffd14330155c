"""Domains as Coolify takes them: full URLs, unique as strings within the team."""

import re
from typing import Any
from urllib.parse import urlsplit

from simulators.coolify.calls import Refused, invalid, truthy
from simulators.coolify.instance import Instance
from simulators.coolify.records import Application

_FORBIDDEN = re.compile(r"[`$;&|<>()\\\r\n\s]")


def domain_list(value: str | None) -> list[str]:
    """The URLs of a comma-separated list."""
    return [url for part in (value or "").split(",") if (url := part.strip())]


def domain_errors(value: Any) -> list[str]:
    """A sentence for each URL that Coolify refuses."""
    return [f"Invalid URL: {url}" for url in domain_list(value) if not _is_valid(url)]


def normalised(value: str | None) -> str | None:
    """The list as it is stored: scheme and host in lower case; None if there is none."""
    return ",".join(_lowered(url) for url in domain_list(value)) or None


def refuse_conflicts(
    instance: Instance, domains: str | None, body: dict[str, Any], own: Application | None = None
) -> None:
    """409 when another app of the team has one of the URLs, unless the body overrides it."""
    wanted = {url.removesuffix("/") for url in domain_list(domains)}
    conflicts = [
        {
            "domain": url,
            "resource_name": application.columns["name"],
            "resource_uuid": application.uuid,
            "resource_type": "application",
            "message": f"Domain {url} is already in use by application '{application.columns['name']}'",
        }
        for application in instance.applications.values()
        if application is not own
        for url in (taken.removesuffix("/") for taken in domain_list(application.fqdn))
        if url in wanted
    ]
    if conflicts and not truthy(body.get("force_domain_override")):
        raise Refused(
            409,
            {
                "message": "Domain conflicts detected. Use force_domain_override=true to proceed.",
                "conflicts": conflicts,
                "warning": "Using the same domain for multiple resources can cause routing conflicts"
                " and unpredictable behavior.",
            },
        )


def refuse_invalid(value: Any) -> None:
    """422 with the bare list of sentences that PATCH answers."""
    if isinstance(value, str) and (errors := domain_errors(value)):
        raise invalid(errors)


def _is_valid(url: str) -> bool:
    if _FORBIDDEN.search(url):
        return False
    try:
        parts = urlsplit(url)
        return parts.scheme.lower() in ("http", "https") and bool(parts.hostname) and (parts.port or 1) > 0
    except ValueError:
        return False


def _lowered(url: str) -> str:
    parts = urlsplit(url)
    return parts._replace(scheme=parts.scheme.lower(), netloc=parts.netloc.lower()).geturl()
