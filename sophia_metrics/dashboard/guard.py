"""The gate before every route: names, tokens, and the headers that keep a page to itself."""

from collections.abc import Mapping
from http.cookies import CookieError, SimpleCookie
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from sophia_metrics.dashboard.access import COOKIE, OWN_HEADER, Access

__all__ = ["Guard"]

OPEN_PATHS = ("/health", "/sign-in", "/static/")
"""What tells nothing, and what a person needs to sign in."""
SAFE_METHODS = frozenset({"GET", "HEAD"})
SECURITY_HEADERS: Mapping[str, str] = {
    "content-security-policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
        "base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
    ),
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
}


class Guard:
    """ASGI middleware that refuses before anything is read."""

    def __init__(self, app: ASGIApp, access: Access) -> None:
        self._app = app
        self._access = access

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or answer it with what to do."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in SECURITY_HEADERS.items():
                    headers[name] = value
            await send(message)

        refusal = self._refusal(scope)
        await (refusal or self._app)(scope, receive, send_guarded)

    def _refusal(self, scope: Scope) -> Response | None:
        headers = Headers(scope=scope)
        if not self._access.is_our_name(headers.get("host", "")):
            return _refuse(
                421, "this page does not answer to that host name: use its own, or add it to dashboard.host_names"
            )
        has_bearer = self._has_bearer(headers)
        path, method = str(scope["path"]), str(scope["method"])
        if not path.startswith(OPEN_PATHS):
            if self._access.token is not None and not has_bearer and not self._has_session(headers):
                return _ask_for_token(path)
            if method not in SAFE_METHODS and not has_bearer and not _is_from_our_page(headers):
                return _refuse(
                    403, f"a change needs the token as `Authorization: Bearer …`, or the header {OWN_HEADER}: 1"
                )
        return None

    def _has_bearer(self, headers: Headers) -> bool:
        scheme, _, given = headers.get("authorization", "").partition(" ")
        return scheme.lower() == "bearer" and self._access.is_token(given.strip())

    def _has_session(self, headers: Headers) -> bool:
        try:
            cookie = SimpleCookie(headers.get("cookie", "")).get(COOKIE)
        except CookieError:
            return False
        return cookie is not None and self._access.is_session(cookie.value)


def _is_from_our_page(headers: Headers) -> bool:
    """Say whether a request carries our header, and no origin other than ours."""
    origin = headers.get("origin")
    is_ours = origin is None or urlsplit(origin).netloc == headers.get("host")
    return is_ours and OWN_HEADER in headers


def _ask_for_token(path: str) -> Response:
    if path == "/":
        return RedirectResponse("/sign-in", status_code=303)
    response = _refuse(401, "this page needs its token: send `Authorization: Bearer …`, or sign in at /sign-in")
    response.headers["www-authenticate"] = "Bearer"
    return response


def _refuse(status: int, detail: str) -> JSONResponse:
    return JSONResponse({"detail": detail}, status_code=status)
