"""An integrator's event against its contract."""

import pytest

from contracts import ContractError, ProjectCancelled, ProjectOrdered
from contracts.story import EXAMPLES, STORY
from ops.contracts.validation import contract_named, validate
from ops.failure import CommandError

ORDER = EXAMPLES[ProjectOrdered.type].encode()


def test_an_event_is_held_to_the_contract_that_it_names() -> None:
    assert [type(validate(event.encode(), None).data) for event in STORY] == [type(event.data) for event in STORY]


def test_an_event_can_be_held_to_a_contract_by_any_of_its_names() -> None:
    names = ("vrs.project.ordered.v1", "project.ordered.v1", "ProjectOrdered")
    assert [contract_named(name) for name in names] == [ProjectOrdered] * 3
    with pytest.raises(ContractError, match=r"expected 'vrs.project.cancelled.v1'"):
        validate(ORDER, ProjectCancelled)
    with pytest.raises(CommandError, match=r"did you mean vrs.project.ordered.v1"):
        contract_named("vrs.project.orderd.v1")


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        (b"\xff", "byte 0 is not UTF-8"),
        (b"{", "EOF|Expecting"),
        (b"[]", "a JSON object is expected"),
        (b"{}", "specversion: is missing"),
        (b'{"specversion": "1.0"}', "type: is missing; there are vrs.project.ordered.v1, "),
        (b'{"type": "vrs.project.orderd.v1"}', "did you mean vrs.project.ordered.v1"),
        (b'{"type": 1, "specversion": "1.0"}', "type: is 1; there are vrs.project.ordered.v1, "),
        (ORDER.replace(b'"starter"', b'"Starter Plus"'), r"data\.plan: .*'Starter Plus'"),
        (ORDER.replace(b'"version":"1.0.4"', b'"version":""'), r"data\.plugins\.1\.version"),
        (b" " * 300_000, "at most 262144"),
    ],
)
def test_what_a_service_would_refuse_is_refused_by_path(body: bytes, problem: str) -> None:
    with pytest.raises(ContractError, match=problem):
        validate(body, None)
