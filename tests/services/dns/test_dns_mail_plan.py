"""Which records mail needs, beside what stands there: DMARC is never weakened, nothing of others is replaced."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts import MailProblem, MailRecord, MailRecordType
from services.dns.mail import dmarc
from services.dns.mail.plan import Plan, View, Wish, plan, with_lookups
from services.dns.mail.spf import INCLUDE, NEW
from shared.errors import TemporaryError

DOMAIN = "kunde.example"
CODE = "brevo-code:1234"
RUA = "rua=mailto:rua@dmarc.brevo.com"
KEYS = tuple(
    MailRecord(name=f"brevo{n}._domainkey.{DOMAIN}", type=MailRecordType.CNAME, content=f"b{n}.x.dkim.brevo.com")
    for n in (1, 2)
)


def wish(*, mx: bool = False, inherited: str | None = None) -> Wish:
    return Wish(domain=DOMAIN, ownership=CODE, dkim=KEYS, mx=mx, ttl=300, inherited=inherited)


def contents(made: Plan) -> dict[str, str]:
    return {slot.key: slot.record.content for slot in made.slots}


def problems(made: Plan) -> list[MailProblem]:
    return [each.problem for each in made.findings]


FULL: View = {
    (DOMAIN, "TXT"): [CODE, NEW, "google-site-verification=x"],
    (f"_dmarc.{DOMAIN}", "TXT"): [f"v=DMARC1; p=none; {RUA}"],
    **{(key.name, "CNAME"): [key.content] for key in KEYS},
    (DOMAIN, "MX"): ["inbound1.sendinblue.com", "inbound2.sendinblue.com"],
}


def test_an_empty_zone_gets_everything() -> None:
    made = plan(wish(mx=True), {})
    assert contents(made) == {
        "ownership": CODE,
        "dkim-1": "b1.x.dkim.brevo.com",
        "dkim-2": "b2.x.dkim.brevo.com",
        "mx-1": "inbound1.sendinblue.com",
        "mx-2": "inbound2.sendinblue.com",
        "spf": NEW,
        "dmarc": f"v=DMARC1; p=none; {RUA}",
    }
    assert problems(made) == [MailProblem.MISSING] * 7
    assert [slot.record.priority for slot in made.slots if slot.key.startswith("mx")] == [10, 20]


def test_what_stands_there_is_right_and_nothing_is_done() -> None:
    made = plan(wish(mx=True), FULL)
    assert (made.is_done, made.findings) == (True, ())


def test_an_spf_record_of_the_customers_gets_our_part_and_no_second_one_is_made() -> None:
    made = plan(wish(), {**FULL, (DOMAIN, "TXT"): [CODE, "v=spf1 mx -all"]})
    [slot] = [slot for slot in made.slots if not slot.is_there]
    assert (slot.changes, slot.record.content) == ("v=spf1 mx -all", f"v=spf1 mx {INCLUDE} -all")
    assert problems(made) == [MailProblem.OTHER_VALUE]


@pytest.mark.parametrize(
    ("there", "problem"),
    [
        ({(DOMAIN, "TXT"): [CODE, "v=spf1 mx -all", "v=spf1 a -all"]}, MailProblem.SPF_TWICE),
        ({(f"_dmarc.{DOMAIN}", "TXT"): ["v=DMARC1; p=none", "v=DMARC1; p=reject"]}, MailProblem.DMARC_TWICE),
        ({(KEYS[0].name, "CNAME"): ["elsewhere.example"]}, MailProblem.OTHER_VALUE),
        ({(KEYS[0].name, "CNAME"): [], (KEYS[0].name, "TXT"): ["v=DKIM1; p=x"]}, MailProblem.OTHER_VALUE),
        ({(DOMAIN, "MX"): ["mx.kunde.example"]}, MailProblem.MX_ELSEWHERE),
    ],
)
def test_what_is_not_ours_to_change_is_told_and_stays(there: View, problem: MailProblem) -> None:
    made = plan(wish(mx=True), {**FULL, **there})
    assert [each.problem for each in made.obstacles] == [problem]
    assert not made.is_done
    assert [slot.key for slot in made.slots if slot.is_new or slot.changes] == []


async def test_an_spf_record_that_would_need_more_than_ten_lookups_is_not_set() -> None:
    async def texts(name: str) -> tuple[str, ...]:
        return ("v=spf1 a mx ptr -all",) if name != "spf.brevo.com" else ("v=spf1 -all",)

    fits = plan(wish(), {**FULL, (DOMAIN, "TXT"): [CODE, "v=spf1 include:a.example include:b.example a -all"]})
    assert (await with_lookups(fits, wish(), texts)).lookups == 10
    full = plan(wish(), {**FULL, (DOMAIN, "TXT"): [CODE, "v=spf1 include:a.example include:b.example a mx -all"]})
    made = await with_lookups(full, wish(), texts)
    assert problems(made) == [MailProblem.SPF_TOO_MANY_LOOKUPS]
    assert "v=spf1 include:a.example include:b.example a mx -all" in made.findings[0].found
    assert "spf" not in contents(made)


async def test_an_spf_record_whose_includes_lead_nowhere_or_are_silent_is_not_set() -> None:
    async def nothing(_: str) -> tuple[str, ...]:
        return ()

    async def silence(name: str) -> tuple[str, ...]:
        raise TemporaryError(f"no answer for {name}", code="dns_silent")

    broken = await with_lookups(plan(wish(), {}), wish(), nothing)
    assert MailProblem.SPF_BROKEN in problems(broken)
    silent = await with_lookups(plan(wish(), {}), wish(), silence)
    assert MailProblem.NAME_SERVER_SILENT in problems(silent)


def test_a_policy_at_somebody_elses_behind_an_alias_is_left_to_them() -> None:
    there = {(f"_dmarc.{DOMAIN}", "TXT"): [], (f"_dmarc.{DOMAIN}", "CNAME"): ["kunde.dmarc-service.example"]}
    made = plan(wish(), {**FULL, **there})
    assert (made.is_done, "dmarc" in contents(made)) == (True, False)


def test_a_domain_under_one_with_a_policy_keeps_that_policy() -> None:
    assert contents(plan(wish(inherited="v=DMARC1; p=reject"), {}))["dmarc"] == f"v=DMARC1; p=reject; {RUA}"
    both = "v=DMARC1; p=reject; sp=quarantine"
    assert contents(plan(wish(inherited=both), {}))["dmarc"] == f"v=DMARC1; p=quarantine; {RUA}"


PARTS = st.lists(
    st.sampled_from(["p=none", "p=quarantine", "p=reject", "sp=reject", "pct=50", "adkim=s", "ruf=mailto:f@k.example"]),
    min_size=1,
    max_size=5,
    unique_by=lambda part: part.partition("=")[0],
)


@given(PARTS, st.sampled_from([";", "; ", " ; "]), st.booleans())
def test_a_dmarc_record_only_ever_gains_a_place_for_reports(parts: list[str], between: str, ends: bool) -> None:
    record = between.join(["v=DMARC1", *parts]) + (";" if ends else "")
    found = dmarc.merged(record)
    assert dmarc.is_dmarc(found)
    said = [part.strip() for part in found.split(";")]
    assert said == ["v=DMARC1", *parts, RUA]
    assert dmarc.merged(found) == found
    assert [part.strip() for part in dmarc.without(found).split(";")] == ["v=DMARC1", *parts]


@given(PARTS)
def test_a_dmarc_record_with_a_place_for_reports_stays_as_it_is(parts: list[str]) -> None:
    record = "; ".join(["v=DMARC1", *parts, "rua=mailto:own@kunde.example"])
    assert dmarc.merged(record) == record
    assert dmarc.without(record) == record


def test_our_place_for_reports_goes_and_another_one_stays() -> None:
    both = "v=DMARC1; p=none; rua=mailto:rua@dmarc.brevo.com,mailto:own@kunde.example; pct=50"
    assert dmarc.without(both) == "v=DMARC1; p=none; rua=mailto:own@kunde.example; pct=50"
