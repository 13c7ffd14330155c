"""No request body is read beyond a limit, whatever its Content-Length says."""

from http import HTTPStatus

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from services.marketplace.problems import problem_answer

LONGEST_LENGTH = 18
"""Digits of a Content-Length that is looked at."""


class BodyLimit:
    """ASGI middleware that answers 413 to a body of more than `most` bytes."""

    def __init__(self, app: ASGIApp, most: int) -> None:
        self.app = app
        self.most = most

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Read the body first: it is small, or it is refused."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        said = next((value for name, value in scope["headers"] if name == b"content-length"), b"0")
        is_large, body, more = not said.isdigit() or len(said) > LONGEST_LENGTH or int(said) > self.most, b"", True
        while more and not is_large:
            message = await receive()
            if message["type"] == "http.disconnect":
                return
            body, more = body + message.get("body", b""), message.get("more_body", False)
            is_large = len(body) > self.most
        if is_large:
            await self._refuse(scope, receive, send)
            return
        read: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

        async def replayed() -> Message:
            return read.pop() if read else await receive()

        await self.app(scope, replayed, send)

    async def _refuse(self, scope: Scope, receive: Receive, send: Send) -> None:
        detail = f"the body has more than {self.most} bytes"
        answer = problem_answer(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, detail, {"Connection": "close"})
        await answer(scope, receive, send)
