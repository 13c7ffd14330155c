"""What stands in a database, as text in which a word can be looked for.

Never by `str` of a row: SQLAlchemy leaves out the middle of what is longer than 300 characters.
"""

import base64
from urllib.parse import quote

from sqlalchemy import text

from shared.database import Database


async def stored(database: Database) -> dict[str, str]:
    """Every row of every table, whole, a line or more each by its table; bytes in hexadecimal digits."""
    async with database.autocommit.begin() as connection:
        tables = await connection.scalars(text("SELECT tablename FROM pg_tables WHERE schemaname = 'public'"))
        return {
            table: "\n".join(await connection.scalars(text(f'SELECT t::text FROM "{table}" t')))
            for table in tables.all()
        }


async def tables_with(database: Database, *words: str) -> set[str]:
    """The tables with a row that tells one of `words`, however it is written."""
    return {table for table, rows in (await stored(database)).items() if is_told(rows, *words)}


def is_told(told: str, *words: str) -> bool:
    """Whether `told` has one of `words` in it, however it is written."""
    return any(form in told for word in words for form in forms(word))


def forms(word: str) -> set[str]:
    """How it could be written."""
    return {word, word.encode().hex(), base64.b64encode(word.encode()).decode().rstrip("="), quote(word, safe="")}
