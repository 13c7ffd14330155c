"""``vrs domains mail`` and ``vrs simulate brevo``: what is said, what is refused."""

import json
from uuid import UUID, uuid4

import aiormq
from sqlalchemy import insert, text

from contracts import MailDomainRequested, decode
from shared.database import Database
from shared.models import ProjectDomain
from tests.ops.conftest import Vrs
from tests.shared.messaging.harness import until

NO_BROKER = "amqp://127.0.0.1:1/"
DOMAIN = "baeckerei.example"


async def a_project(database: Database) -> UUID:
    project_id = uuid4()
    project = text(
        "INSERT INTO projects (vrs_id, name, slug, provisioning_state) VALUES (:id, 'x', 'baeckerei', 'live')"
    )
    async with database.engine.begin() as connection:
        await connection.execute(project, {"id": project_id})
        await connection.execute(insert(ProjectDomain).values(host=DOMAIN, project_id=project_id, is_primary=True))
    return project_id


async def test_mail_that_is_asked_for_is_published_to_dns(vrs: Vrs, database: Database, amqp_url: str) -> None:
    project_id = await a_project(database)
    words = ("domains", "mail", "baeckerei", "Baeckerei.example", "--mx", "--by", "Kundendienst", "--json")
    ended = await vrs(*words, VRS_AMQP_URL=amqp_url)
    assert (ended.code, ended.err) == (0, "")
    told = json.loads(ended.out)
    assert (told["project_id"], told["domain"]) == (str(project_id), DOMAIN)
    async with await aiormq.connect(amqp_url) as connection:
        channel = await connection.channel()
        found = []

        async def has_come() -> bool:
            message = await channel.basic_get("dns.maildomain-requested", no_ack=True)
            found.extend([message.body] if message.body else [])
            return bool(found)

        await until(has_come)
    event = decode(found[0], MailDomainRequested)
    assert (str(event.id), event.subject) == (told["event_id"], project_id)
    assert event.data == MailDomainRequested(domain=DOMAIN, mx=True, requested_by="Kundendienst")


async def test_what_cannot_be_asked_for_is_said_and_a_broker_that_is_away_loses_nothing(
    vrs: Vrs, database: Database
) -> None:
    await a_project(database)
    for words, code, said in (
        (("baeckerei", "andere.example"), 1, "'andere.example' is no domain of project"),
        (("baeckerei", "nothing"), 2, "'nothing' is no host name"),
        (("niemand", DOMAIN), 1, "niemand"),
    ):
        ended = await vrs("domains", "mail", *words, VRS_AMQP_URL=NO_BROKER)
        assert (ended.code, said in ended.err) == (code, True), ended.err
    away = await vrs("domains", "mail", "baeckerei", DOMAIN, VRS_AMQP_URL=NO_BROKER)
    assert (away.code, "safe in the outbox, but not published yet" in away.err) == (1, True), away.err
    async with database.engine.connect() as connection:
        assert await connection.scalar(text("SELECT routing_key FROM outbox")) == "maildomain.requested.v1"


async def test_name_servers_that_are_none_are_refused(vrs: Vrs) -> None:
    ended = await vrs("simulate", "brevo", "--dns-servers", "127.0.0.1:dns")
    assert (ended.code, "--dns-servers: '127.0.0.1:dns' is no host:port" in ended.err) == (2, True), ended.err
