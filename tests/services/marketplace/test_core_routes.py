"""What the marketplace answers to a vrs-core, and to who only says to be one."""

import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from contracts.core import Envelope, ManifestAnswer
from shared.database import Database
from shared.plugins.registry import RegistryError, publish
from tests.services.core.market import Market, open_market

BLOG = "plugins/blog/1.0.0"


@pytest.fixture
async def market(database: Database, tmp_path: Path) -> AsyncIterator[Market]:
    async with open_market(database, tmp_path) as market:
        yield market


async def test_without_a_valid_token_nothing_is_told(market: Market) -> None:
    await market.publish("blog")
    await market.license("blog")
    for token in ("", "x" * 43):
        for path in ("manifest", BLOG):
            answer = await market.get(path, token)
            assert (answer.status_code, answer.headers["content-type"]) == (401, "application/problem+json")
            assert answer.headers["www-authenticate"] == "Bearer"
            assert answer.json()["remedy"].startswith("Deploy the project again")
    assert await market.downloads() == []


async def test_a_token_is_replaced_once_and_only_its_hash_is_kept(market: Market) -> None:
    first = ManifestAnswer.model_validate_json((await market.get("manifest")).content).token
    assert first != market.token
    second = ManifestAnswer.model_validate_json((await market.get("manifest", first)).content).token
    assert second == first  # it lasts for more than half of its time yet
    kept = await market.sql("SELECT count(*), bool_or(position(convert_to(:token, 'UTF8') IN token_hash) > 0) "
                            "FROM core_tokens", token=first)  # fmt: skip
    assert tuple(kept[0]) == (2, False)


async def test_any_rest_of_an_archive_is_sent(market: Market) -> None:
    release = await market.publish("blog", files={"noise.bin": os.urandom(1_500_000)})
    await market.license("blog")
    content = (market.folder / "blog-1.0.0.zip").read_bytes()
    whole = await market.get(BLOG)
    assert (whole.status_code, whole.content, whole.headers["accept-ranges"]) == (200, content, "bytes")
    for start in (1, 1_048_575, 1_048_576, 1_048_577, release.size - 1):
        rest = await market.get(BLOG, range=f"bytes={start}-", **{"if-range": whole.headers["etag"]})
        assert (rest.status_code, rest.content) == (206, content[start:])
        assert rest.headers["content-range"] == f"bytes {start}-{release.size - 1}/{release.size}"
    changed = await market.get(BLOG, range="bytes=10-", **{"if-range": '"another"'})
    assert (changed.status_code, changed.content) == (200, content)
    beyond = await market.get(BLOG, range=f"bytes={release.size}-")
    assert (beyond.status_code, beyond.headers["content-range"]) == (416, f"bytes */{release.size}")


async def test_what_is_not_licensed_now_is_refused_and_the_attempt_is_logged(market: Market) -> None:
    for name in ("blog", "shop"):
        await market.publish(name)
    await market.license("blog", "shop")
    await market.end("blog")
    await market.yank("shop", "1.0.0", "loses orders")
    for path in (BLOG, "plugins/shop/1.0.0", "plugins/never/1.0.0", "plugins/blog/9"):
        answer = await market.get(path)
        assert answer.status_code == 403
        assert "no licence" in answer.json()["detail"]
    assert {outcome for *_, outcome in await market.downloads()} == {"unlicensed"}
    assert len(await market.downloads()) == 4


async def test_needed_plugins_are_chosen_for_the_version_of_the_core_that_asks(market: Market) -> None:
    for version, core in (("1.0.0", "<1.5"), ("1.1.0", ">=1.5"), ("1.2.0", ">=1.5")):
        await market.publish("base", version, core=core)
    await market.yank("base", "1.2.0", "slow")
    await market.publish("shop", "1.0.0", "base")
    await market.license("shop")
    for asking, chosen in (("1.4.9", "1.0.0"), ("1.5.0", "1.1.0")):
        answer = await market.get("manifest", **{"VRS-Core-Version": asking})
        manifest = ManifestAnswer.model_validate_json(answer.content).manifest.content.decode()
        assert f'"name":"base","version":"{chosen}"' in manifest
        assert (await market.get(f"plugins/base/{chosen}", **{"VRS-Core-Version": asking})).status_code == 200
    wrong = await market.get("manifest", **{"VRS-Core-Version": "new"})
    assert wrong.status_code == 422
    [error] = wrong.json()["errors"]
    assert (error["in"], error["field"]) == ("header", "VRS-Core-Version")


async def test_a_published_version_never_changes(market: Market) -> None:
    release = await market.publish("blog")
    with pytest.raises(RegistryError, match="published already with other content"):
        await market.publish("blog", files={"more.txt": "more"})
    with pytest.raises(RegistryError, match="published already with other content"):
        await market.publish("blog", "1.0.0", "shop")
    [row] = await market.sql("SELECT envelope FROM plugin_releases")
    async with AsyncSession(market.database.engine) as session:
        with pytest.raises(RegistryError, match="signed by no key that is trusted here; sign it with a key whose"):
            await publish(session, market.folder, Envelope.model_validate(row[0]), trusted=[], by="anybody")
    [pieces] = await market.sql("SELECT sum(length(body)) FROM plugin_chunks WHERE sha256 = :sha", sha=release.sha256)
    assert pieces[0] == release.size
