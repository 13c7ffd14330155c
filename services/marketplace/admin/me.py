"""What belongs to who is signed in: language, light or dark, the password."""

from sqlalchemy import delete, update
from starlette.requests import Request
from starlette.responses import Response
from starlette_admin import route
from starlette_admin.i18n import gettext as _
from starlette_admin.i18n import lazy_gettext

from services.marketplace.admin.page import Page, go_to, staff_of, typed, write_down
from shared.errors import RefusedError
from shared.models import StaffActionKind, StaffSession, StaffUser
from shared.staff import SHORTEST, hash_of, is_password

YEAR = 365 * 86_400
LANGUAGES = ("de", "en")
LOOKS = ("auto", "light", "dark")


class Me(Page):
    """My settings."""

    menu_label = lazy_gettext("Settings")
    path = "/me"
    add_to_menu = False

    @route("", name="me")
    async def index(self, request: Request) -> Response:
        """Show them."""
        return self.render(request, "me.html", looks=LOOKS, look=request.cookies.get("look", "auto"), shortest=SHORTEST)

    @route("/look", methods=["POST"], name="me-look")
    async def look(self, request: Request) -> Response:
        """Choose language and look; kept in the browser."""
        answer = go_to(request, "/me")
        for cookie, offered in (("language", LANGUAGES), ("look", LOOKS)):
            chosen = await typed(request, cookie)
            if chosen in offered:
                is_secure = request.url.scheme == "https"
                answer.set_cookie(cookie, chosen, max_age=YEAR, samesite="lax", secure=is_secure, httponly=True)
        return answer

    @route("/password", methods=["POST"], name="me-password")
    async def password(self, request: Request) -> Response:
        """Change the password, which the old one allows."""
        form = await request.form()
        old, new = str(form.get("old", "")), str(form.get("new", ""))
        me = staff_of(request).name
        if not await is_password(self.desk.database, me, old):
            return go_to(request, "/me", _("The old password is not right."), category="error")
        try:
            hashed = hash_of(me, new)
        except RefusedError:
            said = _("A password has at least %(count)s characters and is not the name.") % {"count": SHORTEST}
            return go_to(request, "/me", said, category="error")
        async with self.desk.database.engine.begin() as connection:
            await connection.execute(update(StaffUser).where(StaffUser.name == me).values(password_hash=hashed))
            await connection.execute(delete(StaffSession).where(StaffSession.user_name == me))
            await write_down(connection, request, StaffActionKind.PASSWORD_CHANGED, me)
        return go_to(request, "/me", _("The password is changed. Please sign in with it."))
