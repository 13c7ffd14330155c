"""``vrs contracts``, as an integrator calls it."""

from pathlib import Path

from contracts import ProjectOrdered
from contracts.story import EXAMPLES
from ops.places import CHECKOUT
from tests.examples.documents import blocks
from tests.ops.conftest import Vrs

ORDER = EXAMPLES[ProjectOrdered.type].encode()
PAGE = (CHECKOUT / "docs" / "contracts.md").read_text(encoding="utf-8")


async def test_the_command_says_what_is_wrong_with_the_exit_code_of_its_kind(vrs: Vrs, tmp_path: Path) -> None:
    wrong = tmp_path / "wrong.json"
    wrong.write_bytes(ORDER.replace(b'"starter"', b'"Starter"'))
    refused = await vrs("contracts", "validate", str(wrong))
    assert (refused.code, refused.err.splitlines()[0].split(":")[0]) == (1, "data.plan")
    assert (await vrs("contracts", "validate", str(tmp_path / "none.json"))).code == 2


async def test_the_page_shows_what_the_command_says(vrs: Vrs) -> None:
    [(_, command)] = blocks("docs/contracts.md")
    _, *words, file = command.split()
    shown = await vrs(*words, str(CHECKOUT / file))
    assert (shown.code, shown.err) == (0, "")
    assert f"says `{shown.out.strip()}`" in PAGE
