"""docs/api.md is run as it stands, against the running API."""

import json
import re

from shared.database import Database
from shared.models import Scope
from tests.examples.documents import ROOT, blocks, printed
from tests.services.marketplace.api import running_api


async def test_the_page_on_the_api(database: Database) -> None:
    [keys, order, find, follow, cancel, names] = blocks("docs/api.md")
    async with running_api(database) as api:
        script = "\n".join(code for _, code in (keys, order, find, follow, cancel, names))
        script = script.replace("http://127.0.0.1:8080", str(api.http.base_url).rstrip("/"))
        told = await printed("sh", script, VRS_DATABASE_URL=database.listen_url)
    assert "web-shop" in told
    assert '"host":"baeckerei-sommer.vrs.example"' in told
    assert "event: state" in told
    assert '"reason":"ordered twice"' in told
    assert '"suggestion"' in told
    assert json.loads(told[told.rindex('{"previews"') :]) == {"previews": []}


def test_the_page_lists_every_scope() -> None:
    listed = re.findall(r"^\| `([a-z:]+)` \| ", (ROOT / "docs/api.md").read_text(), re.MULTILINE)
    assert listed == list(Scope)
