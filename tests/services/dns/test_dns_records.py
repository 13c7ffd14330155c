"""What is ours, what is a stranger's, and what is to be done about it."""

from datetime import UTC, datetime
from uuid import uuid4

import pytest

from contracts import DnsRecord, RecordType
from services.dns.inwx import InwxRecord
from services.dns.models import ManagedRecord, RecordHolder
from services.dns.records import plan
from shared.errors import PermanentError

NAME = "kunde.vrs.example"
WANTED = DnsRecord(name=NAME, type=RecordType.A, content="192.0.2.10")


def row(record_id: str | None, content: str = "192.0.2.10", holder: RecordHolder = RecordHolder.INWX) -> ManagedRecord:
    return ManagedRecord(
        project_id=uuid4(),
        name=NAME,
        type=RecordType.A,
        content=content,
        ttl=300,
        holder=holder,
        zone="vrs.example",
        record_id=record_id,
        intended_at=datetime.now(UTC),
        seen_at=None,
    )


def found(record_id: str, content: str = "192.0.2.10", **more: object) -> InwxRecord:
    return InwxRecord.model_validate(
        {"id": record_id, "name": NAME, "type": "A", "content": content, "ttl": 300, **more}
    )


def test_nothing_known_and_nothing_found_is_created() -> None:
    assert plan("vrs.example", [WANTED], [], []).created == [WANTED]


def test_a_recorded_id_is_kept() -> None:
    assert plan("vrs.example", [WANTED], [row("7")], [found("7")]).kept == [(WANTED, "7")]


def test_an_unanswered_intent_adopts_what_is_equal() -> None:
    assert plan("vrs.example", [WANTED], [row(None)], [found("7")]).kept == [(WANTED, "7")]


def test_a_recorded_id_with_another_content_or_ttl_is_changed() -> None:
    assert plan("vrs.example", [WANTED], [row("7")], [found("7", "192.0.2.99")]).changed == [(WANTED, "7")]
    assert plan("vrs.example", [WANTED], [row("7")], [found("7", ttl=3600)]).changed == [(WANTED, "7")]


def test_of_two_that_answer_an_intent_the_oldest_stays() -> None:
    todo = plan("vrs.example", [WANTED], [row(None)], [found("10"), found("9")])
    assert (todo.kept, [each.id for each in todo.surplus]) == ([(WANTED, "9")], ["10"])


def test_what_was_recorded_and_is_gone_is_created_again() -> None:
    assert plan("vrs.example", [WANTED], [row("7")], []).created == [WANTED]


@pytest.mark.parametrize(
    ("rows", "stranger"),
    [
        ([], found("8")),
        ([], found("8", "192.0.2.99")),
        ([], found("8", "elsewhere.example", type="CNAME")),
        ([], found("8", "2001:db8::1", type="AAAA")),
        ([], found("8", "ns.elsewhere.example", type="NS")),
        ([row("7")], found("8")),
        ([row(None)], found("8", "192.0.2.99")),
        ([row(None, holder=RecordHolder.CUSTOMER)], found("8")),
    ],
    ids=["equal", "other", "CNAME", "AAAA", "NS", "beside ours", "not our intent", "customer's"],
)
def test_what_leads_the_name_and_is_not_written_down_is_a_conflict(
    rows: list[ManagedRecord], stranger: InwxRecord
) -> None:
    with pytest.raises(PermanentError) as caught:
        plan("vrs.example", [WANTED], rows, [stranger])
    assert caught.value.code == "dns_conflict"
    assert str(stranger) in str(caught.value)


@pytest.mark.parametrize(
    "neighbour",
    [
        found("8", "v=spf1 -all", type="TXT"),
        found("8", "mail.example", type="MX"),
        found("8", name="other.vrs.example"),
    ],
    ids=["TXT", "MX", "other name"],
)
def test_other_records_are_left_alone(neighbour: InwxRecord) -> None:
    todo = plan("vrs.example", [WANTED], [], [neighbour])
    assert (todo.created, todo.changed, todo.surplus) == ([WANTED], [], [])


def test_the_name_servers_of_the_zone_itself_are_no_conflict() -> None:
    apex = WANTED.model_copy(update={"name": "vrs.example"})
    ns = found("8", "ns.inwx.example", name="vrs.example", type="NS")
    assert plan("vrs.example", [apex], [], [ns]).created == [apex]
