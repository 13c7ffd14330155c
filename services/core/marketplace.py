"""The marketplace as vrs-core sees it: where the project's manifest comes from."""

from http import HTTPStatus

import httpx
from pydantic import ValidationError

from contracts.core import ManifestAnswer
from services.core.errors import ManifestRefusedError, MarketplaceAwayError

MOST_MANIFEST_BYTES = 8 * 1024 * 1024
REFUSED = (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN, HTTPStatus.GONE)


async def fetch_manifest(http: httpx.AsyncClient, token: str) -> ManifestAnswer:
    """Fetch the manifest with `token`, once. The marketplace's URL is the base of `http`.

    Raises:
        MarketplaceAwayError: no answer, or none that is usable.
        ManifestRefusedError: the token is unknown, has ended or was revoked.

    """
    try:
        response = await http.get("/api/v1/core/manifest", headers={"Authorization": f"Bearer {token}"})
    except httpx.HTTPError as error:
        raise MarketplaceAwayError(f"the marketplace does not answer: {error or type(error).__name__}") from error
    if response.status_code in REFUSED:
        raise ManifestRefusedError(
            f"the marketplace answers {response.status_code} to this project's token: it has ended or was revoked; "
            "deploy the project again to get a new one"
        )
    if response.status_code != HTTPStatus.OK or len(response.content) > MOST_MANIFEST_BYTES:
        raise MarketplaceAwayError(f"the marketplace answers {response.status_code} instead of a manifest")
    try:
        return ManifestAnswer.model_validate_json(response.content)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(map(str, first["loc"])) or "body"
        raise MarketplaceAwayError(f"the marketplace's manifest cannot be read: {where}: {first['msg']}") from error
