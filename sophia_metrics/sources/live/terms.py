"""How one live source is read: its settings, with what is usual where nothing is said."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date

from sophia_metrics.errors import ConfigurationError
from sophia_metrics.sources.live.counters import Counters

__all__ = ["LiveTerms"]


@dataclass(frozen=True, slots=True)
class LiveTerms:
    """One live source.

    Attributes:
        source: its name.
        format: the name of its format.
        base_url: where the vendor answers.
        variables: the variable that stands for each of the vendor's usual ones.
        keys: the values of these variables; never in a message or a repr.
        since_on: first UTC day to read. None: as many days as is usual.
        settling_minutes: a window is complete so long after its end.
        reread_hours: so much before the newest window is read again each time.
        requests_per_minute: no more are sent.
        deadline_seconds: for one exchange.
        kinds: of an endpoint with several kinds of usage, those to read. Empty: all.
        counters: of Prometheus, what to read.
        ids_path: of calls that are asked for by their ids, the file that holds these. Empty: none.
        workspace: of a key that sees several workspaces, the one to read. Empty: the key says it.
    """

    source: str
    format: str
    base_url: str
    variables: Mapping[str, str]
    keys: Mapping[str, str | None] = field(repr=False)
    since_on: date | None
    settling_minutes: int
    reread_hours: int
    requests_per_minute: float
    deadline_seconds: float
    kinds: tuple[str, ...] = ()
    counters: Counters | None = None
    ids_path: str = ""
    workspace: str = ""

    def key(self, variable: str) -> str:
        """Return the key that stands in one of the vendor's usual variables, or in that which is named instead.

        Raises:
            ConfigurationError: it is not set.
        """
        name = self.variables[variable]
        value = self.keys[name]
        if not value:
            raise ConfigurationError(
                f"source {self.source}: the variable {name} is not set: export {name}=… with the key, "
                "or name another one by key_env in [sources.api]"
            )
        return value
