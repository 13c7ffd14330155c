"""Names that are given up with a transfer: those that are claimed for it alone when that is committed."""

from uuid import uuid4

from sqlalchemy import insert, select

from services.dns.withdrawal import FreeComing
from shared.database import Database
from shared.models import ProjectDomain


async def test_a_name_that_leads_somewhere_by_now_or_is_anothers_stays(database: Database) -> None:
    mine, other = uuid4(), uuid4()
    names = (("coming.example", mine, True), ("here.example", mine, False), ("others.example", other, True))
    rows = [{"host": host, "project_id": of, "is_primary": False, "is_coming": coming} for host, of, coming in names]
    async with database.engine.begin() as connection:
        await connection.execute(insert(ProjectDomain), rows)
        await FreeComing.apply(connection, [(mine, FreeComing(tuple(host for host, *_ in names)))])
        left = (await connection.scalars(select(ProjectDomain.host).order_by(ProjectDomain.host))).all()
    assert left == ["here.example", "others.example"]
