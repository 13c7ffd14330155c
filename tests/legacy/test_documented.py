"""What docs/data.md tells a marketplace's engineers to type is typed here, on the database of a shop."""

import re
from pathlib import Path

from tests.legacy.conftest import Legacy
from tests.ops.conftest import Vrs

PAGE = Path(__file__).parents[2] / "docs" / "data.md"
BLOCK = re.compile(r"^```(sh|sql)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


async def test_every_block_of_the_page_works_in_turn(vrs: Vrs, shop: Legacy) -> None:
    blocks = BLOCK.findall(PAGE.read_text(encoding="utf-8"))
    assert {language for language, _ in blocks} == {"sh", "sql"}
    for language, block in blocks:
        for command in block.splitlines() if language == "sh" else ():
            ended = await vrs(*command.split()[1:], VRS_DATABASE_URL=shop.url)
            assert (command, ended.code) == (command, 0), ended.err
        if language == "sql":
            await shop.run(block)
    await shop.visit()
