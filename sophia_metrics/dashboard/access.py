"""Who may read the page: the names by which it may be asked, and the token.

- A request for a name that is not ours is refused, so that a foreign page cannot reach us by a name of its own
  that points to this machine (DNS rebinding).
- Where a token is set, everybody needs it: as `Authorization: Bearer …`, or as a cookie that the sign-in form
  gives. The cookie holds a keyed hash of the token, and the token is never part of an address.
- What changes something needs the token in the header, or a header of its own, which a foreign page cannot send.
"""

import hashlib
import hmac
import ipaddress
import socket
from collections.abc import Mapping
from dataclasses import dataclass, field

from sophia_metrics.errors import ConfigurationError
from sophia_metrics.settings import DashboardSettings

__all__ = ["COOKIE", "OWN_HEADER", "Access", "access_from"]

COOKIE = "sophia_metrics_session"
OWN_HEADER = "x-sophia-metrics"
"""The header of our own page's requests. A foreign page may send it only after asking, which we refuse."""
MIN_TOKEN_LENGTH = 16
LOOPBACK_NAMES = frozenset({"localhost", "127.0.0.1", "::1"})
PURPOSE = b"sophia-metrics dashboard session"


@dataclass(frozen=True, slots=True)
class Access:
    """The rules. `token` None: nobody needs one. `is_any_address`: every IP address is a name of ours."""

    names: frozenset[str]
    token: str | None = field(default=None, repr=False)
    is_any_address: bool = False

    def is_our_name(self, host: str) -> bool:
        """Say whether a Host header, with or without a port, names us."""
        name = _without_port(host).lower().rstrip(".")
        return name in self.names or (self.is_any_address and _is_address(name))

    def is_token(self, given: str) -> bool:
        """Compare with the token, in a time that does not depend on where they differ."""
        return self.token is not None and hmac.compare_digest(given.encode(), self.token.encode())

    @property
    def session(self) -> str:
        """What the cookie of somebody who signed in holds; another token makes it worthless."""
        return hmac.new((self.token or "").encode(), PURPOSE, hashlib.sha256).hexdigest()

    def is_session(self, given: str) -> bool:
        """Compare with the cookie's value, in the same way."""
        return self.token is not None and hmac.compare_digest(given.encode(), self.session.encode())


def access_from(settings: DashboardSettings, environment: Mapping[str, str]) -> Access:
    """Return the rules for where the page listens; the token comes from the environment only.

    Raises:
        ConfigurationError: another host than loopback without a token, or a token that is too short.
    """
    token = environment.get(settings.token_env) or None
    if token is not None and len(token) < MIN_TOKEN_LENGTH:
        raise ConfigurationError(
            f"the token in {settings.token_env} is shorter than {MIN_TOKEN_LENGTH} characters: "
            f"make one, as with `openssl rand -hex 24`"
        )
    is_loopback = settings.host == "localhost" or _is_loopback(settings.host)
    if not is_loopback and token is None:
        raise ConfigurationError(
            f"dashboard.host is {settings.host}, which other machines reach, and no token is set: export "
            f"{settings.token_env} (as with `openssl rand -hex 24`), or listen on 127.0.0.1"
        )
    names = {settings.host, *settings.host_names, *LOOPBACK_NAMES}
    if not is_loopback:
        names.add(socket.gethostname())
    return Access(frozenset(name.lower().rstrip(".") for name in names), token, is_any_address=not is_loopback)


def _without_port(host: str) -> str:
    if host.startswith("["):
        return host[1:].partition("]")[0]
    name, colon, port = host.rpartition(":")
    return name if colon and port.isdigit() else host


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def _is_loopback(name: str) -> bool:
    return _is_address(name) and ipaddress.ip_address(name).is_loopback
