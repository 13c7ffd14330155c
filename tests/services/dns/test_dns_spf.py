"""SPF records: one that lets Brevo send, whatever stood there before, and taken out again without a trace."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.dns.mail.spf import (
    INCLUDE,
    NEW,
    SpfBrokenError,
    TooManyLookupsError,
    includes,
    is_spf,
    lookups,
    merged,
    without,
)

NAMES = st.sampled_from(["a.example", "_spf.google.com", "spf.protection.outlook.com", "mx.kunde.example"])
MECHANISMS = st.one_of(
    st.builds("{}include:{}".format, st.sampled_from(["", "+", "?", "~", "-"]), NAMES),
    st.sampled_from(["a", "mx", "a:kunde.example/24", "mx/28", "ip4:192.0.2.0/24", "ip6:2001:db8::/32", "ptr"]),
    st.builds("exists:%{{i}}.{}".format, NAMES),
)
ENDS = st.sampled_from([[], ["-all"], ["~all"], ["?all"], ["all"], ["redirect=_spf.kunde.example"]])
RECORDS = st.builds(lambda terms, end: " ".join(["v=spf1", *terms, *end]), st.lists(MECHANISMS, max_size=12), ENDS)

OUTSIDE = {
    "spf.brevo.com": ("v=spf1 ip4:192.0.2.0/24 -all",),
    "one.example": ("v=spf1 ip4:192.0.2.0/24 -all", "google-site-verification=x"),
    "four.example": ("v=spf1 include:one.example include:one.example a mx -all",),
    "loop.example": ("v=spf1 include:loop.example -all",),
    "twice.example": ("v=spf1 -all", "v=spf1 ~all"),
}


async def texts(name: str) -> tuple[str, ...]:
    return OUTSIDE.get(name, ())


@given(RECORDS)
def test_a_merged_record_lets_brevo_send_and_keeps_everything_else_in_its_order(record: str) -> None:
    found = merged(record)
    assert is_spf(found)
    assert includes(found)
    assert found.split().count(INCLUDE) == 1
    assert [term for term in found.split() if term != INCLUDE] == record.split()


@given(RECORDS)
def test_a_merged_record_is_not_merged_again_and_loses_only_our_part(record: str) -> None:
    assert merged(merged(record)) == merged(record)
    assert without(merged(record)) == record


@pytest.mark.parametrize(
    ("record", "expected"),
    [
        ("v=spf1 -all", f"v=spf1 {INCLUDE} -all"),
        ("v=spf1", f"v=spf1 {INCLUDE}"),
        ("v=spf1 mx redirect=_spf.kunde.example", f"v=spf1 mx {INCLUDE} redirect=_spf.kunde.example"),
        ("V=SPF1 a ~ALL", f"V=SPF1 a {INCLUDE} ~ALL"),
        (f"v=spf1 -all {INCLUDE}", f"v=spf1 {INCLUDE} -all"),  # behind "all" nobody looks
        (f"v=spf1 mx {INCLUDE} -all", f"v=spf1 mx {INCLUDE} -all"),
        (f"v=spf1 +{INCLUDE} -all", f"v=spf1 +{INCLUDE} -all"),
        (f"v=spf1 -{INCLUDE} -all", f"v=spf1 -{INCLUDE} {INCLUDE} -all"),
    ],
)
def test_our_part_stands_before_what_ends_the_evaluation(record: str, expected: str) -> None:
    assert merged(record) == expected


@pytest.mark.parametrize("text", ["v=spf10 -all", "spf2.0/pra -all", "v=DMARC1; p=none", "xv=spf1"])
def test_what_only_looks_like_spf_is_none(text: str) -> None:
    assert not is_spf(text)


@pytest.mark.parametrize(
    ("record", "expected"),
    [
        (NEW, 1),
        ("v=spf1 ip4:192.0.2.0/24 ip6:2001:db8::/32 -all", 0),
        ("v=spf1 a mx ptr exists:%{i}.x.example -all", 4),
        ("v=spf1 include:four.example -all", 5),
        ("v=spf1 include:four.example include:four.example -all", 10),
        ("v=spf1 a redirect=one.example", 2),
        ("v=spf1 -all a mx redirect=four.example", 0),
        ("v=spf1 a redirect=four.example -all", 1),  # "all" comes first, whatever the order
        ("v=spf1 include:%{d}.x.example -all", 1),
    ],
)
async def test_lookups_are_those_of_all_that_is_included(record: str, expected: int) -> None:
    assert await lookups(record, texts) == expected


@pytest.mark.parametrize(
    "record", ["v=spf1 include:four.example include:four.example a -all", "v=spf1 include:loop.example -all"]
)
async def test_more_than_ten_lookups_are_too_many_and_a_loop_ends(record: str) -> None:
    with pytest.raises(TooManyLookupsError):
        await lookups(record, texts)


@pytest.mark.parametrize("name", ["nothing.example", "twice.example"])
async def test_an_include_that_leads_to_no_single_record_breaks_it(name: str) -> None:
    with pytest.raises(SpfBrokenError, match=name):
        await lookups(f"v=spf1 include:{name} -all", texts)
