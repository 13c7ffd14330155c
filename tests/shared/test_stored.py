"""What the tests for leaks look through is whole: a word is found wherever in a value it stands."""

from uuid import uuid4

import pytest
from sqlalchemy import text

from shared.database import Database
from tests.stored import tables_with

PLACES = {
    "project_notes": "INSERT INTO project_notes (project_id, by, text) VALUES (gen_random_uuid(), 'a', :value)",
    "staff_actions": "INSERT INTO staff_actions (by, kind, subject, detail)"
    " VALUES ('a', 'noted', 's', jsonb_build_object('deep', jsonb_build_array(CAST(:value AS text))))",
    "webhook_deliveries": "INSERT INTO webhook_deliveries (endpoint_id, event_id, type, body)"
    " VALUES (gen_random_uuid(), gen_random_uuid(), 't', convert_to(:value, 'UTF8'))",
}
"""A text, a JSON document and bytes."""


@pytest.mark.parametrize("table", PLACES)
async def test_a_word_far_into_a_long_value_is_found(database: Database, table: str) -> None:
    word = uuid4().hex
    assert await tables_with(database, word) == set()
    async with database.engine.begin() as connection:
        await connection.execute(text(PLACES[table]), {"value": f"{'x ' * 5000}{word}{' y' * 5000}"})
    assert await tables_with(database, word) == {table}
