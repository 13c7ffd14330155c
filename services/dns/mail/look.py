"""What stands in a domain's zone today: at INWX, or as each authoritative name server says."""

from collections.abc import Iterable, Sequence

from contracts import MailFinding, MailProblem, MailRecordType
from services.dns.authority import Answer, Authority, text_of
from services.dns.inwx import InwxRecord
from services.dns.mail import dmarc
from services.dns.mail.plan import Plan, View, Wish, plan
from services.dns.mail.sentences import finding
from shared.errors import TemporaryError


def view_of(found: Iterable[InwxRecord]) -> View:
    """What a zone of ours holds."""
    view: dict[tuple[str, str], list[str]] = {}
    for record in found:
        view.setdefault((record.name, record.type), []).append(record.content)
    return view


async def look(authority: Authority, wish: Wish) -> tuple[list[Plan], tuple[MailFinding, ...]]:
    """Hold the wish against what each name server says; also a finding if there is none that says anything."""
    try:
        zone = await authority.zone_of(wish.domain)
        # A top level answers for what is not registered.
        answers = await authority.look(zone, wish.questions()) if "." in zone else []
    except TemporaryError:
        answers = []
    servers = dict.fromkeys(answer.server for answer in answers if not answer.problem)
    if not servers:
        return [], (finding(MailProblem.NO_NAME_SERVERS, wish.domain, MailRecordType.TXT),)
    return [plan(wish, _view([each for each in answers if each.server == server])) for server in servers], ()


def out_of_step(wish: Wish, plans: Sequence[Plan]) -> MailFinding:
    """Some name servers have everything and others not."""
    wrong = [each for made in plans for each in made.findings]
    found = list(dict.fromkeys(f"{each.name} {each.type}" for each in wrong))
    return finding(MailProblem.NOT_EVERYWHERE, wish.domain, MailRecordType.TXT, found=found)


async def inherited_policy(authority: Authority, domain: str) -> str | None:
    """The DMARC record that holds for `domain` if it has none of its own: the nearest above it.

    Raises:
        TemporaryError: nobody answers.

    """
    parent = domain.partition(".")[2]
    while "." in parent:
        for text in await authority.texts(f"_dmarc.{parent}"):
            if dmarc.is_dmarc(text):
                return text
        parent = parent.partition(".")[2]
    return None


def _view(answers: Iterable[Answer]) -> View:
    view: dict[tuple[str, str], Sequence[str]] = {}
    for answer in answers:
        match answer.type:
            case "TXT":
                view[answer.name, answer.type] = [text_of(content) for content in answer.contents]
            case kind:  # CNAME, and MX with its priority in front
                targets = [content.rpartition(" ")[2].rstrip(".").lower() for content in answer.own(kind)]
                view[answer.name, kind] = targets
    return view
