"""Order files: read, checked field by field, and published as ProjectOrdered by way of the outbox."""

import json
from collections.abc import Sequence
from dataclasses import dataclass

from pydantic import ValidationError
from sqlalchemy import select

from contracts import ContractError, ProjectOrdered, decode
from contracts.problems import field_problems
from migrations.adoption.catalogue import find_tables
from migrations.adoption.plan import WITHOUT_INSERTS, required_of
from ops.failure import CommandError
from ops.outbox import publish_now
from shared import orders
from shared.database import Database
from shared.hosts import as_shown
from shared.marketplace_outbox import OURS, put
from shared.models import Project, ProjectDomain
from shared.orders import Order, OrderRequest, Wish
from shared.prices import Price, price_of
from shared.reserved_names import is_reserved


@dataclass(frozen=True, slots=True)
class Placed:
    """An order as it was published, and what it costs."""

    order: Order
    price: Price


def read_order(content: bytes, *, name: str) -> Order:
    """Read an order file, or a complete CloudEvent, that names its slug and its plugins.

    Raises:
        CommandError: a line for each thing that is wrong, each beginning with `name`.

    """
    return read_wish(content, name=name).order


def read_wish(content: bytes, *, name: str) -> Wish:
    """Read an order file, or a complete CloudEvent.

    Raises:
        CommandError: a line for each thing that is wrong, each beginning with `name`.

    """
    try:
        raw = json.loads(content.decode())
    except UnicodeDecodeError as error:
        raise CommandError(f"{name}: byte {error.start} is not UTF-8") from error
    except (ValueError, RecursionError) as error:
        raise CommandError(f"{name}: not JSON: {error}") from error
    if not isinstance(raw, dict):
        raise CommandError(f"{name}: an order is a JSON object with slug, plan, customer …, not {type(raw).__name__}")
    try:
        if "specversion" in raw:
            return Wish(decode(content, ProjectOrdered))
        order = OrderRequest.model_validate_json(content)
    except ContractError as error:
        raise _problems(name, error.problems) from error
    except ValidationError as error:
        raise _problems(name, field_problems(error)) from error
    return order.wish()


async def place(database: Database, placed: Sequence[Order]) -> None:
    """Commit the orders to the marketplace's outbox and wake the marketplace, which publishes them."""
    async with database.engine.begin() as connection:
        await put(connection, placed)


async def refuse_what_nobody_offers(database: Database, order: Order, *, may_rename: bool = False) -> None:
    """Refuse what would fail minutes later in dns or deploy, and what only the marketplace can insert.

    With `may_rename` another slug is found for one that is taken.

    Raises:
        CommandError: names each field, its value and what there is.

    """
    async with database.engine.connect() as connection:
        problems = list(map(str, await orders.not_offered(connection, order)))
        known_project = await connection.scalar(select(Project.vrs_id).where(Project.vrs_id == order.subject))
        needs = required_of((await connection.run_sync(find_tables, ["projects"]))["projects"])
        if needs and known_project is None:
            problems.append(f"project_id: projects needs {', '.join(needs)}: {WITHOUT_INSERTS['projects']}")
        holder = await connection.scalar(select(ProjectDomain.project_id).where(ProjectDomain.host == order.data.fqdn))
    if order.data.base_domain and is_reserved(order.data.slug):
        problems.append(f"slug: {order.data.slug!r} is reserved (shared/reserved_names.toml): order another one")
    elif holder not in {None, order.subject} and not (may_rename and order.data.base_domain):
        field = "slug" if order.data.base_domain else "own_domain"
        problems.append(f"{field}: {as_shown(order.data.fqdn)} belongs to project {holder}: order under another name")
    if problems:
        raise CommandError("\n".join(problems))


async def place_now(database: Database, amqp_url: str, wish: Wish) -> Placed:
    """Complete the order, commit it to the marketplace's outbox with the name that it claims, and publish it.

    Raises:
        WrongFieldsError: a bundle or the base domain is wrong.
        CommandError: the broker is away or no queue takes it. Then the order is safe: the marketplace service sends
            it.

    """
    async with database.engine.begin() as connection:
        order, message = await orders.place(connection, wish, lease=OURS)
        price = await connection.run_sync(price_of, wish.bundles, order.data.plugins)
    await publish_now(database, amqp_url, ProjectOrdered, message, done=f"{order.subject} is ordered and")
    return Placed(order, price)


def _problems(name: str, problems: list[str]) -> CommandError:
    return CommandError("\n".join(f"{name}: {problem}" for problem in problems))
