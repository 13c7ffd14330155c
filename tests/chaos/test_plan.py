from collections import Counter

from simulators.brevo.server import BrevoControl
from simulators.coolify.control import CoolifyControl
from simulators.core.apps import AppFaultKind
from simulators.core.server import CoreControl
from simulators.faults import FaultKind
from simulators.inwx.control import InwxControl
from simulators.smtp.server import _KINDS, SmtpControl
from tests.chaos.faults import Vendor, catalogue
from tests.chaos.pace import MINUTES, SECONDS
from tests.chaos.plan import STAGES, Kind, Plan, Second, plan


def drawn(seed: int, *, orders: int = 1000, seconds: float = 300) -> Plan:
    return plan(seed, orders=orders, seconds=seconds, pace=MINUTES)


def test_the_same_seed_gives_the_same_plan_and_another_seed_another() -> None:
    assert drawn(7) == drawn(7)
    assert drawn(7) != drawn(8)


def test_five_minutes_have_every_kind_of_disturbance_and_every_vendor_in_trouble() -> None:
    disturbances = drawn(7).disturbances
    assert {each.kind for each in disturbances} == set(Kind)
    assert {each.target for each in disturbances if each.kind is Kind.VENDOR} == {vendor.value for vendor in Vendor}
    assert all(0 < each.at < 300 for each in disturbances)


def test_a_plan_has_customers_of_every_kind() -> None:
    orders = drawn(7).orders
    assert len({order.project_id for order in orders}) == len({order.slug for order in orders}) == 1000
    assert Counter(order.changes_mind for order in orders)[True] > 150
    assert {order.cancelled_after[0] for order in orders if order.cancelled_after} == set(STAGES)
    assert any(len(order.cancelled_at) > 1 for order in orders)
    assert any(order.cancelled_at and order.cancelled_at[0] < order.at for order in orders)
    assert any(order.own_domain and not order.elsewhere and not order.new for order in orders)
    assert any(order.own_domain and order.new for order in orders)
    assert any(order.elsewhere for order in orders)
    assert Counter(order.changes_plugins_after is not None for order in orders)[True] > 150
    assert any(order.moves for order in orders)
    assert not any(order.moves and order.own_domain for order in orders)
    assert {order.second for order in orders} == {None, *Second}


def test_a_lease_outlasts_a_request_and_a_lost_answer_outlasts_the_patience_for_it() -> None:
    for pace in (MINUTES, SECONDS):
        assert pace.timeout < pace.lease / 3
        assert pace.lost > pace.timeout
        assert pace.long_freeze > pace.lease


FOR_PEOPLE = {"credit", "premium", "fail_registrations", "refuse_transfers"}
"""What a registration or a transfer is held for until a person has answered."""


def test_every_fault_that_the_simulators_know_is_in_the_catalogue() -> None:
    faults = catalogue(MINUTES)
    knobs = {vendor: {key for each in faults if each.vendor is vendor for key in each.body} for vendor in Vendor}
    assert knobs[Vendor.INWX] == InwxControl.model_fields.keys() - {"reset", "zone", "elsewhere", *FOR_PEOPLE}
    assert knobs[Vendor.BREVO] == BrevoControl.model_fields.keys() - {"reset", "taken"}
    assert knobs[Vendor.COOLIFY] == CoolifyControl.model_fields.keys() - {"reset"}
    assert knobs[Vendor.CORE] == CoreControl.model_fields.keys() - {"reset", "heal"}
    assert knobs[Vendor.SMTP] == SmtpControl.model_fields.keys() - {"reset"}
    kinds = {
        vendor: {f.body["fault"]["kind"] for f in faults if f.vendor is vendor and "fault" in f.body}
        for vendor in Vendor
    }
    assert kinds == {vendor: set(_KINDS) if vendor is Vendor.SMTP else set(FaultKind) for vendor in Vendor}
    assert {each.body["app_fault"]["kind"] for each in faults if "app_fault" in each.body} == set(AppFaultKind)


def test_no_fault_is_in_the_catalogue_twice() -> None:
    faults = [(fault.vendor, str(fault.body)) for fault in catalogue(MINUTES)]
    assert len(faults) == len(set(faults))
