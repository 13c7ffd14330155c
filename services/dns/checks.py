"""What ``vrs doctor`` asks about dns."""

from contracts import RecordType
from services.dns.authority import Authority
from services.dns.inwx import Inwx
from services.dns.mail.brevo import Brevo
from shared.errors import PermanentError
from shared.service import Check


def checks(inwx: Inwx, authority: Authority, brevo: Brevo | None) -> tuple[Check, ...]:
    """INWX lets us in and has zones; the zones' name servers answer; Brevo lets us in, if there is a key."""

    async def signs_in() -> str:
        return f"signed in as {await inwx.user()}"

    async def first_zone() -> str:
        zones = await inwx.zones(most=1)
        if not zones:
            raise PermanentError("the INWX account holds no zone: create one for each base domain", code="no_zones")
        return zones[0]

    async def has_zones() -> str:
        return f"holds {await first_zone()}"

    async def answer() -> str:
        zone = await first_zone()
        answers = await authority.ask(zone, {(zone, RecordType.A): frozenset()})
        silent = [answer for answer in answers if answer.problem]
        if silent:
            raise PermanentError(f"{silent[0].server}: {silent[0].problem} about {zone}", code="name_server_silent")
        return f"{', '.join(answer.server for answer in answers)} answer for {zone}"

    async def sends() -> str:
        if brevo is None:
            return "no VRS_BREVO_API_KEY: no mail under customers' domains"
        return f"has {await brevo.count()} sender domains"

    return (
        Check(what="INWX", run=signs_in),
        Check(what="INWX zones", run=has_zones),
        Check(what="name servers", run=answer),
        Check(what="Brevo", run=sends),
    )
