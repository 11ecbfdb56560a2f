"""Where the Prefect API is: configured, running on this machine, or nowhere.

Answered without importing Prefect, by the variables and files in which Prefect looks, and over HTTP.
"""

import os
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.request import urlopen

__all__ = ["PrefectApi", "answers", "find_api", "prefect_home"]

LOCAL_URL = "http://127.0.0.1:4200/api"
"""Where `prefect server start` listens."""
DEADLINE_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class PrefectApi:
    """The Prefect API.

    Attributes:
        url: its address. None: none is configured and none runs here; runs use a temporary server.
        origin: what configures it; for a server that just runs here, how that is known.
        is_reachable: it answers.
    """

    url: str | None
    origin: str
    is_reachable: bool

    @property
    def summary(self) -> str:
        """The state in a sentence."""
        if self.url is None:
            return "none configured, none running: `run` starts a temporary server (15 to 35 s)"
        answer = "answers" if self.is_reachable else "does not answer"
        return f"{self.url} ({self.origin}) {answer}"


def find_api(folder: Path) -> PrefectApi:
    """Find the API that a program started in `folder` would use."""
    found = (
        ("PREFECT_API_URL", os.environ.get("PREFECT_API_URL")),
        ("prefect.toml", _at(_read(folder / "prefect.toml"), "api", "url")),
        ("pyproject.toml", _at(_read(folder / "pyproject.toml"), "tool", "prefect", "api", "url")),
        ("the active Prefect profile", _profile_url()),
    )
    for origin, url in found:
        if url:
            return PrefectApi(url, origin, answers(url))
    if answers(LOCAL_URL):
        return PrefectApi(LOCAL_URL, "running on this machine", is_reachable=True)
    return PrefectApi(None, "not configured", is_reachable=False)


def prefect_home() -> Path:
    """Return the folder in which Prefect keeps its profiles and, for a local server, its database."""
    return Path(os.environ.get("PREFECT_HOME", "~/.prefect")).expanduser()


def _profile_url() -> str | None:
    path = Path(os.environ.get("PREFECT_PROFILES_PATH", prefect_home() / "profiles.toml")).expanduser()
    profiles = _read(path)
    active = os.environ.get("PREFECT_PROFILE") or _at(profiles, "active") or "ephemeral"
    return _at(profiles, "profiles", active, "PREFECT_API_URL")


def _read(path: Path) -> dict[str, Any]:
    if not path.is_file():
        return {}
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError):
        return {}  # Prefect itself says what is wrong with its file


def _at(values: Any, *keys: str) -> str | None:  # noqa: ANN401 - a foreign file
    for key in keys:
        values = values.get(key) if isinstance(values, dict) else None  # pyright: ignore[reportUnknownVariableType, reportUnknownMemberType]
    return values if isinstance(values, str) else None


def answers(url: str) -> bool:
    """Say whether a Prefect API answers at an address."""
    if not url.startswith(("http://", "https://")):
        return False
    try:
        with urlopen(f"{url.rstrip('/')}/health", timeout=DEADLINE_SECONDS) as response:  # noqa: S310 - http or https, see above
            return response.status == 200 and response.read(64).strip() == b"true"  # noqa: PLR2004 - HTTP's OK
    except (URLError, OSError, ValueError):
        return False
