"""The overview: how many orders, how fast they go live, what fails, what waits, how the services are."""

from collections.abc import Sequence

from starlette.requests import Request
from starlette.responses import Response
from starlette_admin import route
from starlette_admin.i18n import lazy_gettext as _

from services.marketplace.admin.backlog import backlogs, undeliverable
from services.marketplace.admin.failures import failure_of
from services.marketplace.admin.figures import Figures, Week
from services.marketplace.admin.health import Pulse
from services.marketplace.admin.page import Desk, Page
from services.marketplace.admin.plots import Plot, columns, lines
from services.marketplace.admin.shown import day, short
from services.marketplace.admin.way import Usual
from services.marketplace.admin.words import STATES, STEPS


class Overview(Page):
    """Plots of the last weeks."""

    menu_label = _("Overview")
    icon = "overview"
    path = "/overview"

    def __init__(self, desk: Desk) -> None:
        super().__init__(desk)
        self.figures = Figures(desk.database)
        self.usual = Usual(desk.database)
        self.pulse = Pulse(desk.settings)

    @route("", name="overview")
    async def index(self, request: Request) -> Response:
        """Draw them."""
        found, usual, felt = await self.figures.read(), await self.usual.read(), await self.pulse.read()
        return self.render(
            request,
            "overview.html",
            figures=found,
            orders=columns([(day(date), count, str(count)) for date, count in found.days]),
            times=_by_week(found.weeks),
            steps=[(name, usual.get(consumer), _by_week(found.steps[consumer])) for consumer, name in STEPS.items()],
            felt=felt,
            backlogs=backlogs(felt.queues, found.queues),
            undeliverable=undeliverable(felt.queues),
            causes=[(failure_of(code).what, code, count) for code, count in found.causes],
            ends=found.ends,
            states=[(STATES[state], count) for state, count in found.states],
        )


def _by_week(weeks: Sequence[Week]) -> Plot:
    return lines(
        [day(week.begin) for week in weeks],
        {"p50": [week.p50 for week in weeks], "p95": [week.p95 for week in weeks]},
        short,
    )
