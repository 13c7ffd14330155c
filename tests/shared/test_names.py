"""Names below a base domain: derived from what people type, never reserved, never given twice."""

import asyncio
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter
from sqlalchemy import insert, select, text
from sqlalchemy.exc import IntegrityError

from contracts import Slug
from shared.database import Database
from shared.hosts import as_shown, as_stored, shown_in
from shared.models import BaseDomain, ProjectDomain
from shared.names import claim_name, slug_of
from shared.reserved_names import is_reserved

SLUG = TypeAdapter(Slug)


@pytest.mark.parametrize(
    ("typed", "slug"),
    [
        ("Müllers Straßenbäckerei 🥐", "muellers-strassenbaeckerei"),
        ("Mu\u0308ller", "mueller"),  # as macOS types it
        ("ÄRZTE & Söhne, GmbH", "aerzte-soehne-gmbh"),
        ("  Café  Zoë__2 ", "cafe-zoe-2"),
        ("Ελληνικά", "ellenika"),
        ("🍕🍕", "projekt"),
        ("", "projekt"),
        ("xn--mller-kva", "xn-mller-kva"),
        ("Mail", "projekt-mail"),
        ("www 2", "projekt-www-2"),
        ("Scheisse Nazi Laden", "laden"),
        ("x" * 80, "x" * 63),
        (f"{'lang ' * 20}", "-".join(["lang"] * 12)),
    ],
)
def test_a_slug_is_what_people_would_expect(typed: str, slug: str) -> None:
    assert slug_of(typed) == slug


@given(st.text())
def test_whatever_is_typed_gives_a_slug_that_is_valid_and_not_reserved(typed: str) -> None:
    slug = SLUG.validate_python(slug_of(typed))
    assert not is_reserved(slug)
    assert len(slug.encode()) <= 63


@pytest.mark.parametrize("slug", ["www", "www2", "mail-3", "ns1", "admin", "api", "xn--abc", "ab--c", "nette-nazi"])
def test_what_looks_like_a_system_or_offends_is_reserved(slug: str) -> None:
    assert is_reserved(slug)


@pytest.mark.parametrize("slug", ["wwwelt", "mailand", "admiral", "apis-bienen", "2", "classics", "nazareth"])
def test_what_only_contains_such_a_word_is_not(slug: str) -> None:
    assert not is_reserved(slug)


async def test_names_claimed_at_once_never_collide_and_one_claimed_again_is_the_same(database: Database) -> None:
    projects = [uuid4() for _ in range(30)]

    async def claim(project_id: object) -> str:
        async with database.engine.begin() as connection:
            return await connection.run_sync(
                lambda sync: claim_name(sync, "Bäckerei", base_domain="vrs.example", project_id=project_id)  # type: ignore[arg-type]  # a Connection executes as a Session does
            )

    async with database.engine.begin() as connection:  # a base domain of ours lies where the name would
        names = ("vrs.example", "baeckerei-2.vrs.example")
        await connection.execute(insert(BaseDomain), [{"name": name} for name in names])
    slugs = await asyncio.gather(*map(claim, projects))
    assert len(set(slugs)) == len(projects)
    assert {"baeckerei", "baeckerei-3", "baeckerei-9"} <= set(slugs)
    assert "baeckerei-2" not in slugs
    assert await claim(projects[7]) == slugs[7]
    async with database.engine.connect() as connection:
        held = await connection.scalars(select(ProjectDomain.host).where(ProjectDomain.is_primary))
        assert set(held) == {f"{slug}.vrs.example" for slug in slugs}


async def test_hosts_are_stored_as_a_labels_and_shown_as_people_read_them(database: Database) -> None:
    project_id = uuid4()
    async with database.engine.begin() as connection:
        row = {"host": "Müller-Straße.example.", "project_id": project_id, "is_primary": True}
        await connection.execute(insert(ProjectDomain).values(row))
        stored = (await connection.scalars(select(ProjectDomain.host))).one()
    assert stored == as_stored("müller-straße.example") == "xn--mller-strae-46a18a.example"
    assert ProjectDomain(host=stored).shown == as_shown(stored) == "müller-straße.example"


@pytest.mark.parametrize(
    "host", ["localhost", "a..b", "-a.example", "ä" * 60 + ".example", "xn--0.example", "a_b.de", ""]
)
def test_what_is_no_host_name_is_refused_and_named(host: str) -> None:
    with pytest.raises(ValueError, match="is no host name"):
        as_stored(host)


def test_host_names_in_a_sentence_are_shown_as_people_read_them() -> None:
    said = "www.xn--mller-kva.example: records of xn--mller-kva.example, and srv-1.example"
    assert shown_in(said) == "www.müller.example: records of müller.example, and srv-1.example"


DOMAIN = "project_domains (host, project_id, is_primary)"
PREVIEW = "preview_accesses (project_id, token_hash, expires_at, uses_left)"


@pytest.mark.parametrize(
    "row",
    [
        f"{DOMAIN} VALUES ('Groß.example', :id, false)",
        f"{DOMAIN} VALUES ('nolabel', :id, false)",
        f"{DOMAIN} VALUES ('b.example', :id, true), ('c.example', :id, true)",
        f"{DOMAIN} VALUES ('a.example', :id, false)",
        f"{PREVIEW} VALUES (:id, 'x', 'infinity', -1)",
        f"{PREVIEW} VALUES (:id, 'x', '2000-01-01', 1)",
        "base_domains (name) VALUES ('-a.example')",
        "servers (name, coolify_uuid, region, ipv4, capacity) VALUES ('a', 'b', 'c', '1', -1)",
        "plugin_prices (plugin, vrs_cents) VALUES ('a', -1)",
        "bundles (name, vrs_cents, vrs_currency) VALUES ('a', 1, 'Euro')",
        "project_types (name, vrs_image, vrs_image_tag, vrs_port) VALUES ('a', 'b', 'c', 0)",
    ],
)
async def test_the_database_refuses_states_that_are_wrong(database: Database, row: str) -> None:
    async with database.engine.begin() as connection:
        await connection.execute(text(f"INSERT INTO {DOMAIN} VALUES ('a.example', '{uuid4()}', true)"))
    with pytest.raises(IntegrityError):
        async with database.engine.begin() as connection:
            await connection.execute(text(f"INSERT INTO {row.replace(':id', repr(str(uuid4())))}"))
