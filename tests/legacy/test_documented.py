"""What docs/data.md tells a marketplace's engineers to type is typed here, on the database of a shop."""

from tests.examples.documents import blocks
from tests.legacy.conftest import Legacy
from tests.ops.conftest import Vrs


async def test_every_block_of_the_page_works_in_turn(vrs: Vrs, shop: Legacy) -> None:
    page = blocks("docs/data.md")
    assert {language for language, _ in page} == {"sh", "sql"}
    for language, block in page:
        for command in block.splitlines() if language == "sh" else ():
            ended = await vrs(*command.split()[1:], VRS_DATABASE_URL=shop.url)
            assert (command, ended.code) == (command, 0), ended.err
        if language == "sql":
            await shop.run(block)
    await shop.visit()
