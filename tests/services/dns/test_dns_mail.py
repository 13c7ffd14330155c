"""MailDomainRequested for a domain of ours: set, verified at the name servers and at Brevo, undone exactly."""

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from contracts import MailProblem
from services.dns.mail.spf import INCLUDE, NEW
from shared.errors import PermanentError
from shared.models import MailSender
from shared.outcome import Later, Parked
from simulators.brevo.domains import DMARC
from tests.services.dns.mail_world import DOMAIN, MailProject, MailWorld, released, running_mail_world, told
from tests.services.dns.world import CREATE, INFO

MX = ["inbound1.sendinblue.com", "inbound2.sendinblue.com"]


@pytest.fixture
async def world() -> AsyncIterator[MailWorld]:
    async with running_mail_world() as world:
        yield world


async def test_a_domain_gets_everything_once_and_a_cancellation_leaves_nothing(world: MailWorld) -> None:
    project = MailProject(world, mx=True)
    event = await project.ready()
    zone = await world.zone()
    assert [(name, kind) for name, kind, _ in zone] == [
        (f"_dmarc.{DOMAIN}", "TXT"),
        (f"brevo1._domainkey.{DOMAIN}", "CNAME"),
        (f"brevo2._domainkey.{DOMAIN}", "CNAME"),
        *[(DOMAIN, "MX")] * 2,
        *[(DOMAIN, "TXT")] * 2,
    ]
    assert {content for _, _, content in zone} >= {DMARC, NEW, *MX}
    assert sorted(row["prio"] for row in await world.inwx.records(DOMAIN) if row["type"] == "MX") == [10, 20]
    assert (event.mx, event.spf_lookups, len(event.records)) == (True, 1, 7)
    assert await world.domains() == {DOMAIN: True}
    before = await world.inwx.calls()
    assert await project.ready() == event
    assert (await world.inwx.calls())[CREATE] == before[CREATE] == 7
    assert (await world.calls())["create_domain"] == 1

    event_of_the_end = await released(project)
    assert (event_of_the_end.sender_removed, len(event_of_the_end.records)) == (True, 7)
    assert await world.zone() == []
    assert await world.domains() == {}


async def test_an_account_with_a_dkim_key_as_text_gets_that(world: MailWorld) -> None:
    await world.control(dkim="txt")
    project = MailProject(world)
    await project.ready()
    [key] = [content for name, _, content in await world.zone() if name == f"mail._domainkey.{DOMAIN}"]
    assert key.startswith("k=rsa;p=")
    await released(project)
    assert await world.zone() == []


async def test_records_of_the_customers_are_merged_and_lose_only_our_part_again(world: MailWorld) -> None:
    own = [
        (DOMAIN, "TXT", "v=spf1 mx ip4:192.0.2.0/24 -all"),
        (f"_dmarc.{DOMAIN}", "TXT", "v=DMARC1; p=reject; pct=50"),
        (DOMAIN, "TXT", "google-site-verification=x"),
        (DOMAIN, "MX", "mx.kunde.example"),
    ]
    for name, kind, content in own:
        await world.inwx.stranger(DOMAIN, name=name, type=kind, content=content)
    project = MailProject(world)
    await project.ready()
    zone = await world.zone()
    assert (DOMAIN, "TXT", f"v=spf1 mx ip4:192.0.2.0/24 {INCLUDE} -all") in zone
    assert (f"_dmarc.{DOMAIN}", "TXT", "v=DMARC1; p=reject; pct=50; rua=mailto:rua@dmarc.brevo.com") in zone
    assert len([content for _, kind, content in zone if kind == "TXT" and content.startswith("v=spf1")]) == 1
    assert {slot: row.is_merged for slot, row in project.records.items() if row.is_merged} == {
        "spf": True,
        "dmarc": True,
    }
    assert {row["ttl"] for row in await world.inwx.records(DOMAIN) if row["content"].startswith("v=spf1")} == {3600}
    await released(project)
    assert await world.zone() == sorted(own)


async def test_what_others_change_in_our_records_later_is_theirs(world: MailWorld) -> None:
    project = MailProject(world)
    await project.ready()
    theirs = {"spf": f"v=spf1 include:_spf.kunde.example {INCLUDE} ~all", "dmarc": f"{DMARC}; pct=10"}
    for slot, content in theirs.items():
        row = project.records[slot]
        changed = row.says().model_copy(update={"content": content})
        await world.inwx.inwx.update_record(DOMAIN, str(row.record_id), changed)
    await released(project)
    assert await world.zone() == [
        (f"_dmarc.{DOMAIN}", "TXT", theirs["dmarc"]),  # without it their policy would be gone
        (DOMAIN, "TXT", "v=spf1 include:_spf.kunde.example ~all"),
    ]


async def test_what_was_there_before_is_found_and_stays(world: MailWorld) -> None:
    await world.brevo.create(DOMAIN)
    sender = await world.brevo.find(DOMAIN)
    assert sender
    await world.inwx.stranger(DOMAIN, name=DOMAIN, type="TXT", content=sender.ownership)
    await world.inwx.stranger(DOMAIN, name=DOMAIN, type="TXT", content=NEW)
    project = MailProject(world)
    await project.ready()
    assert project.row.sender is MailSender.FOUND
    assert set(project.records) == {"dkim-1", "dkim-2", "dmarc"}
    assert not (await released(project)).sender_removed
    assert await world.zone() == sorted([(DOMAIN, "TXT", sender.ownership), (DOMAIN, "TXT", NEW)])
    assert await world.domains() == {DOMAIN: True}


async def test_mx_is_set_and_taken_away_by_asking_again(world: MailWorld) -> None:
    project = MailProject(world, mx=True)
    await project.ready()
    project.mx = False
    assert not (await project.ready()).mx
    assert [kind for _, kind, _ in await world.zone() if kind == "MX"] == []


@pytest.mark.parametrize(
    ("record", "problem"),
    [
        ({"name": DOMAIN, "type": "MX", "content": "mx.kunde.example"}, MailProblem.MX_ELSEWHERE),
        ({"name": f"brevo1._domainkey.{DOMAIN}", "type": "TXT", "content": "x"}, MailProblem.OTHER_VALUE),
    ],
)
async def test_what_is_in_the_way_is_told_once_and_the_rest_is_set(
    world: MailWorld, record: dict[str, str], problem: MailProblem
) -> None:
    stranger = await world.inwx.stranger(DOMAIN, **record)
    project = MailProject(world, mx=True)
    needed = told(await project.ask())
    assert [each.problem for each in needed.findings] == [problem]
    assert (needed.is_ours, len(needed.records)) == (True, 7)
    assert record["content"] in needed.findings[0].found
    assert (await project.ask()).events == ()
    assert (DOMAIN, "TXT", NEW) in await world.zone()
    await world.inwx.inwx.delete_record(DOMAIN, stranger, name=record["name"])
    await project.ready()
    assert project.row.findings == []


async def test_an_spf_record_that_is_full_is_told_and_left_as_it_is(world: MailWorld) -> None:
    await world.hold_elsewhere("viel.example", ("@", "TXT", "v=spf1 a mx ptr a:x.example exists:y.example -all"))
    full = "v=spf1 include:viel.example a mx ptr a:z.example -all"
    await world.inwx.stranger(DOMAIN, name=DOMAIN, type="TXT", content=full)
    project = MailProject(world)
    needed = told(await project.ask())
    assert [each.problem for each in needed.findings] == [MailProblem.SPF_TOO_MANY_LOOKUPS]
    assert (DOMAIN, "TXT", full) in await world.zone()
    await world.hold_elsewhere("viel.example", ("@", "TXT", "v=spf1 a mx ptr a:x.example -all"))
    assert (await project.ready()).spf_lookups == 10


async def test_name_servers_that_take_their_time_are_waited_for(world: MailWorld) -> None:
    await world.inwx.control(propagation=[0.0, 3600.0])
    project = MailProject(world)
    outcome = await project.ask()
    assert isinstance(outcome, Later)
    assert "Not every name server has the mail records" in outcome.message
    await world.inwx.control(propagation=0.0)
    await project.ready()


async def test_without_a_key_it_says_which_setting_is_missing_and_touches_nothing(world: MailWorld) -> None:
    with pytest.raises(PermanentError, match="VRS_BREVO_API_KEY is not set") as caught:
        await MailProject(world, brevo=False).ask()
    assert caught.value.code == "brevo_not_configured"
    assert await world.zone() == []


@pytest.mark.parametrize("domain", ["vrs.example", f"www.{DOMAIN}", "fremd.example"])
async def test_a_domain_that_is_not_the_projects_is_refused_before_anything_is_made(
    world: MailWorld, domain: str
) -> None:
    with pytest.raises(PermanentError) as caught:
        await MailProject(world).ask(domain)
    assert caught.value.code == "mail_domain_not_the_projects"
    assert (await world.calls(), await world.inwx.calls()) == ({}, {})


async def test_a_domain_held_elsewhere_is_asked_for_once_reminded_of_and_given_up(world: MailWorld) -> None:
    domain = "fremd.example"
    await world.hold_elsewhere(domain, ("@", "TXT", "v=spf1 mx -all"), ("_dmarc", "TXT", "v=DMARC1; p=reject"))
    project = MailProject(world, domain)
    needed = told(await project.ask())
    assert (needed.is_ours, needed.reminder, len(needed.records)) == (False, 0, 5)
    assert [each.problem for each in needed.findings] == [*["missing"] * 3, *["other_value"] * 2]
    assert "Ändern Sie ihn in einen TXT-Eintrag" in needed.findings[-1].text.de
    assert (await project.ask()).events == ()
    project.project.age = timedelta(days=3)
    assert told(await project.ask()).reminder == 2
    await world.inwx.fault(INFO, "error", times=2)  # an outage of INWX ends no wait for a customer
    assert isinstance(await project.ask(), Parked)
    assert CREATE not in await world.inwx.calls()
    project.project.age = timedelta(days=30)
    with pytest.raises(PermanentError) as caught:
        await project.ask()
    assert caught.value.code == "mail_records_missing"
