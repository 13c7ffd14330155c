"""Which servers so many orders would get, as things stand: for ``vrs servers what-if``."""

from datetime import UTC, datetime, timedelta

from pydantic import SecretStr
from sqlalchemy.ext.asyncio import AsyncConnection

from contracts import uuid7
from services.dns.placement import Choice, Need, Wish, allot
from services.dns.servers import candidate_of, read_servers, read_type_placements, read_waits, wish_of
from services.dns.settings import PlacementSettings
from shared.plans import read_plans
from shared.settings import load
from shared.what_if import Forecast, Question, ServerForecast


class _Settings(PlacementSettings):
    """The desk has no broker."""

    amqp_url: SecretStr = SecretStr("amqp://nobody.invalid")


async def what_if(connection: AsyncConnection, question: Question) -> Forecast:
    """Let those who wait and then the new orders choose over a snapshot."""
    settings, plans = load(_Settings), read_plans()
    if question.plan not in plans:
        raise ValueError(f"there is no plan {question.plan!r}, there are {', '.join(sorted(plans))}")
    plan = plans[question.plan]
    of_type = (await read_type_placements(connection)).get(question.project_type)
    strategy = question.strategy or of_type or settings.placement
    candidates = [candidate_of(row) for row in await read_servers(connection, lock=False)]
    waits = [wish_of(row) for row in await read_waits(connection)]
    need, now = Need(plan.ram_mb, plan.cpu_millicores), datetime.now(UTC)
    last = max([now, *(wish.since for wish in waits)])
    wishes = [
        Wish(
            project_id=uuid7(),
            since=last + timedelta(microseconds=nth),
            strategy=strategy,
            region=question.region,
            need=need,
        )
        for nth in range(1, question.orders + 1)
    ]
    given = allot(candidates, [*waits, *wishes], settings.weights, now=now)
    after = {candidate.id: candidate for candidate in candidates}
    gets = {candidate.id: [0, 0] for candidate in candidates}
    new = {wish.project_id for wish in wishes}
    for project_id, choice in given.items():
        if isinstance(choice, Choice):
            after[choice.server.id] = choice.server
            gets[choice.server.id][project_id in new] += 1
    placed = sum(isinstance(given[project_id], Choice) for project_id in new)
    return Forecast(
        strategy=strategy,
        placed=placed,
        would_wait=question.orders - placed,
        waiting_now=len(waits),
        servers=[
            ServerForecast(
                server=server.name,
                region=server.region,
                capacity=server.capacity,
                used=server.used,
                waiting=gets[server.id][0],
                new=gets[server.id][1],
                load_before=round(server.load(settings.weights), 3),
                load_after=round(after[server.id].load(settings.weights), 3),
                verdict=after[server.id].obstacle(need, question.region),
            )
            for server in candidates
        ],
    )
