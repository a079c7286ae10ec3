"""What happens to every answer."""

from starlette.types import ASGIApp, Message, Receive, Scope, Send


class HeadWithoutBody:
    """Take the body of an answer to HEAD away; gunicorn, which would do so, warns of it each time."""

    def __init__(self, app: ASGIApp) -> None:
        """Take the application that answers."""
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""

        async def send_no_body(message: Message) -> None:
            await send({**message, "body": b""} if message["type"] == "http.response.body" else message)

        await self.app(scope, receive, send_no_body if scope.get("method") == "HEAD" else send)
