"""What notify needs from the environment."""

from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, AnyHttpUrl, BeforeValidator, Field, NameEmail, SecretStr
from pydantic.networks import validate_email
from pydantic_settings import NoDecode

from shared.settings import Settings
from shared.status_links import StatusLinks, checked, keys_of


def _smtp_url(url: SecretStr) -> SecretStr:
    try:
        parts = urlsplit(url.get_secret_value())
        known = parts.scheme in ("smtp", "smtps") and parts.hostname and parts.port != 0
    except ValueError:  # a port that is no number
        known = False
    if not known:
        raise ValueError("expected smtp://[user:password@]host[:port] or smtps://…")
    return url


def _addresses(listed: object) -> object:
    if not isinstance(listed, str):
        return listed
    return tuple(validate_email(address)[1] for address in map(str.strip, listed.split(",")) if address)


class NotifySettings(Settings):
    """`smtp_url` is ``smtp://`` (TLS by STARTTLS when offered) or ``smtps://``; user and password URL-encoded.

    `mail_from` is an address, with a name before it if you like: ``VRS <noreply@vrs.example>``. `case_workers` are
    the addresses, with commas between them, that hear of failures and delays. `status_key` is the marketplace's, and
    `marketplace_url` where people reach it: with both, what customers get links to their project's status page.
    """

    smtp_url: Annotated[SecretStr, AfterValidator(_smtp_url)]
    mail_from: NameEmail
    case_workers: Annotated[tuple[str, ...], NoDecode, BeforeValidator(_addresses), Field(min_length=1)]
    marketplace_url: AnyHttpUrl | None = None
    status_key: Annotated[SecretStr, AfterValidator(checked)] | None = None

    @property
    def status_links(self) -> StatusLinks | None:
        """The links of status pages; None if it is not known what they are."""
        if self.status_key is None or self.marketplace_url is None:
            return None
        return StatusLinks(keys_of(self.status_key), str(self.marketplace_url))
