"""docs/api.md is run as it stands, against the running API."""

import json
import re
from pathlib import Path

from pydantic import SecretStr

from ops.secrets import made_up
from shared.database import Database
from shared.models import Scope
from tests.examples.documents import ROOT, blocks, printed
from tests.services.marketplace.api import running_api


async def test_the_page_on_the_api(database: Database, tmp_path: Path) -> None:
    [keys, order, find, follow, cancel, names, hooks] = blocks("docs/api.md")
    async with running_api(database, webhook_key=SecretStr(made_up())) as api:
        script = "\n".join(code for _, code in (keys, order, find, follow, cancel, names, hooks))
        script = script.replace("http://127.0.0.1:8080", str(api.http.base_url).rstrip("/"))
        script = script.replace("secret.json", str(tmp_path / "secret.json"))
        told = await printed("sh", script, VRS_DATABASE_URL=database.listen_url)
    assert "web-shop" in told
    assert '"host":"baeckerei-sommer.vrs.example"' in told
    assert "event: state" in told
    assert '"reason":"ordered twice"' in told
    assert '"suggestion"' in told
    assert '{"previews":[]}' in told
    assert json.loads(told[told.rindex('{"deliveries"') :]) == {"deliveries": [], "next": None}
    assert json.loads((tmp_path / "secret.json").read_text())["secret"].startswith("whsec_")


def test_the_page_lists_every_scope() -> None:
    listed = re.findall(r"^\| `([a-z:]+)` \| ", (ROOT / "docs/api.md").read_text(), re.MULTILINE)
    assert listed == list(Scope)
