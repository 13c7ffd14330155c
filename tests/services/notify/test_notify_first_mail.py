"""The first mail: the order has arrived, and here is where its status is shown."""

from typing import Any

import pytest

from contracts import Contact, Locale, ProjectOrdered
from services.notify.handlers import tell_ordered
from services.notify.post import Post
from shared.outcome import Done
from tests.in_memory_step import InMemoryStep
from tests.services.notify.conftest import LINKS
from tests.services.notify.test_notify_handlers import FQDN, a_step

ORDERED = ProjectOrdered(
    slug="a",
    base_domain="vrs.example",
    plan="basic",
    customer=Contact(name="Nora Sommer", email="nora@example.org"),
    locale=Locale.EN,
)


@pytest.mark.parametrize(
    ("step", "address", "subject"),
    [
        (InMemoryStep(), "nora@example.org", f"Your order {FQDN} has arrived"),
        (a_step(), "anna@example.org", f"Ihre Bestellung {FQDN} ist eingegangen"),
    ],
    ids=["of a project that nobody knows yet", "of a known project, as its row says by now"],
)
async def test_an_order_is_confirmed_with_the_link_to_its_status_page(
    post: Post, sink: Any, step: InMemoryStep, address: str, subject: str
) -> None:
    step.decide = lambda write: False
    assert isinstance(await tell_ordered(post, ORDERED, step), Done)
    [mail] = await sink.mails()
    assert (mail["to"], mail["subject"]) == ([address], subject)
    assert LINKS.link(step.project_id) in mail["text"]
    assert LINKS.link(step.project_id) in mail["html"]


async def test_an_order_whose_customer_is_forgotten_is_confirmed_to_nobody(post: Post, sink: Any) -> None:
    outcome = await tell_ordered(post, ORDERED, a_step(name="", email=""))
    assert isinstance(outcome, Done)
    assert await sink.mails() == []
