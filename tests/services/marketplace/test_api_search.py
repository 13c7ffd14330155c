"""Projects over HTTP: listed page by page, found by their names, domains, state and id."""

from shared.models import Scope
from tests.services.marketplace.api import Api


async def pages(api: Api, query: str) -> list[list[str]]:
    """The slugs of each page."""
    found, cursor = [], ""
    while True:
        page = (await api.call("GET", f"/projects?{query}{cursor}", Scope.PROJECTS_READ)).json()
        found.append([project["slug"] for project in page["projects"]])
        if page["next"] is None:
            return found
        cursor = f"&cursor={page['next']}"


async def test_projects_are_found_newest_first_page_by_page(api: Api) -> None:
    ids = [await api.ordered(slug=f"shop-{number}") for number in range(5)]
    await api.sql("UPDATE projects SET provisioning_state = 'live' WHERE vrs_id = :id", id=ids[1])
    await api.sql("INSERT INTO projects (vrs_id, name, slug) VALUES (gen_random_uuid(), 'theirs', 'shop-theirs')")
    assert await pages(api, "limit=2") == [["shop-4", "shop-3"], ["shop-2", "shop-1"], ["shop-0"]]
    assert await pages(api, "state=live") == [["shop-1"]]
    assert await pages(api, "state=live&state=ordered&limit=5") == [[f"shop-{number}" for number in (4, 3, 2, 1, 0)]]
    assert await pages(api, "q=OP-3.vrs") == [["shop-3"]]
    for words in ("%25", "_", "%27", "%5C", "%3Awords", "shop-theirs"):
        assert await pages(api, f"q={words}") == [[]], words
    await api.sql("DELETE FROM project_orders WHERE project_id = :id", id=ids[2])  # dns has not heard of it yet
    assert await pages(api, "q=SHOP&limit=3") == [["shop-4", "shop-3", "shop-2"], ["shop-1", "shop-0"]]
    assert await pages(api, "q=shop&state=live&limit=1") == [["shop-1"]]
    assert await pages(api, f"q={ids[0]}") == [["shop-0"]]
    for cursor in ("x", "", "%C3%A4", "A" * 22 + "=="):
        wrong = await api.call("GET", f"/projects?cursor={cursor}")
        assert (wrong.status_code, wrong.headers["content-type"]) == (400, "application/problem+json"), cursor


async def test_projects_are_found_by_the_domains_that_they_were_given_however_these_are_typed(api: Api) -> None:
    first, second = await api.ordered(slug="laden"), await api.ordered(slug="werkstatt")
    await api.ordered(slug="mueller-co")
    await api.sql("UPDATE projects SET provisioning_state = 'live'")
    for project_id, domain in ((first, "müller.example"), (first, "laden.example"), (second, "werk.example")):
        answer = await api.call("POST", f"/projects/{project_id}/domains", json={"domain": domain})
        assert answer.status_code == 202, answer.text
    for words, slugs in (
        ("werk.exa", ["werkstatt"]),
        ("https://www.Laden.example/kontakt", ["laden"]),
        ("Müller.example", ["laden"]),
        ("xn--mller-kva", ["laden"]),
        ("Müller", ["mueller-co", "laden"]),
        ("laden", ["laden"]),
    ):
        assert await pages(api, f"q={words}&limit=2") == [slugs], words
    assert await pages(api, "q=example&state=live&limit=2") == [["mueller-co", "werkstatt"], ["laden"]]
    assert await pages(api, "q=werk.exa&state=ordered") == [[]]
    await api.call("DELETE", f"/projects/{second}/domains/werk.example")
    assert await pages(api, "q=werk.exa") == [[]]
