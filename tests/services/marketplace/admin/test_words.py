"""Whatever the database may hold has a word for people, in both languages."""

from collections.abc import Mapping
from enum import StrEnum

import pytest

from contracts import EVENTS, Locale, RegistrationHold, ServiceName, TransferProblem
from services.marketplace.admin import words
from services.marketplace.admin.health import Health
from services.marketplace.admin.holds import HOLDS
from services.marketplace.admin.moves import PROBLEMS
from services.marketplace.admin.story import COMPLETED, is_undo
from services.marketplace.status.words import STATES as OF_CUSTOMERS
from shared.cancelling import PartState
from shared.domain_wishes import DomainState
from shared.mail_domains import MailState
from shared.messaging.topology import queue_name
from shared.models import (
    LicenseState,
    ProvisioningState,
    ServerReach,
    ServerState,
    StaffActionKind,
    StaffRole,
    TransferStage,
)

UNDER_WAY = {ProvisioningState.DNS_CONFIGURED, ProvisioningState.APP_DEPLOYED}
"""What customers read of these is what they read of an order."""


@pytest.mark.parametrize(
    ("enum", "said"),
    [
        (ProvisioningState, words.STATES),
        (StaffRole, words.ROLES),
        (ServerState, words.SERVER_STATES),
        (ServerReach, words.REACHES),
        (LicenseState, words.LICENCES),
        (PartState, words.PARTS),
        (RegistrationHold, HOLDS),
        (TransferProblem, PROBLEMS),
        (TransferStage, words.TRANSFERS),
        (DomainState, words.DOMAINS),
        (MailState, words.MAIL),
        (Health, words.HEALTH),
        (Health, words.HEALTH_TONES),
        (StaffActionKind, words.DONE),
        (ServiceName, words.PARTS_OF_WORK),
    ],
)
def test_every_value_has_its_word(enum: type[StrEnum], said: Mapping[StrEnum, object]) -> None:
    assert set(said) == set(enum)


def test_every_consumer_has_a_sentence_for_what_it_has_done_and_a_name_for_its_step() -> None:
    consumers = {queue_name(service, event): service for event in EVENTS.values() for service in event.required_by}
    assert set(COMPLETED) == set(consumers)
    steps = {consumer for consumer, service in consumers.items() if service is not ServiceName.NOTIFY}
    assert set(words.STEPS) | set(words.BESIDE) | set(filter(is_undo, steps)) >= steps


def test_customers_read_of_every_state() -> None:
    for locale in Locale:
        assert set(OF_CUSTOMERS[locale]) == set(ProvisioningState) - UNDER_WAY
