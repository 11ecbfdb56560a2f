"""How a live source is read, where that is not as usual."""

from collections.abc import Callable
from datetime import date
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from sophia_metrics.errors import ConfigurationError
from sophia_metrics.sources.live.live_format import LiveFormat
from sophia_metrics.sources.live.metric_settings import MetricSettings
from sophia_metrics.sources.live.terms import LiveTerms

__all__ = ["ApiSettings"]

Variable = Annotated[str, StringConstraints(pattern=r"^[A-Za-z_]\w*$")]


class ApiSettings(BaseModel):
    """Where a live source answers, and how it is read, where that is not as usual."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    base_url: Annotated[
        str,
        Field(
            pattern=r"^(https?://[^\s@]+)?$",
            description="Scheme, host and path that all its endpoints share; no key. Empty: the vendor's own.",
            examples=["https://litellm.example.com"],
        ),
    ] = ""
    key_env: Annotated[
        tuple[Variable, ...],
        Field(
            description="The variables of the environment that hold its keys, in the vendor's order. Empty: the usual "
            "ones, such as OPENAI_ADMIN_KEY.",
            examples=[["OPENAI_ADMIN_KEY_EU"]],
        ),
    ] = ()
    since: Annotated[
        date | None,
        Field(description="First UTC day to read. Unset: 30 days before the first reading.", examples=["2026-01-01"]),
    ] = None
    settling_minutes: Annotated[
        int | None,
        Field(
            ge=0, le=10_080, description="A window is complete so long after its end. Unset: as usual.", examples=[60]
        ),
    ] = None
    reread_hours: Annotated[
        int | None,
        Field(
            ge=0,
            le=2_160,
            description="So much before the newest window is read again each time, because vendors restate days. "
            "Unset: as usual, mostly 72.",
            examples=[168],
        ),
    ] = None
    requests_per_minute: Annotated[
        float | None, Field(gt=0, le=60_000, description="No more are sent. Unset: as usual.", examples=[30])
    ] = None
    deadline_seconds: Annotated[
        float, Field(gt=0, le=600, description="For one exchange as a whole.", examples=[60])
    ] = 60.0
    kinds: Annotated[
        tuple[str, ...],
        Field(
            description="Of an endpoint with several kinds of usage, those to read. Empty: all.",
            examples=[["completions", "embeddings"]],
        ),
    ] = ()
    ids_path: Annotated[
        str,
        Field(
            pattern=r"^([/~].*)?$",
            description="Of openrouter_generations: the file with the ids of calls, one a line.",
            examples=["/var/log/app/generations.jsonl"],
        ),
    ] = ""
    workspace: Annotated[
        str,
        Field(
            max_length=200,
            description="Of portkey_analytics with a key of the organisation: the slug of the workspace to read. "
            "Empty: that of the key.",
            examples=["ws-search-1a2b3c"],
        ),
    ] = ""
    metrics: Annotated[
        MetricSettings, Field(description="Of Prometheus: the counters and their labels. Unset: those of the platform.")
    ] = MetricSettings()

    def terms(self, source: str, live: LiveFormat, read_variable: Callable[[str], str | None]) -> LiveTerms:
        """Return how a source is read, with what is usual where nothing is said.

        Args:
            source: its name.
            live: what its format declares.
            read_variable: returns the value of a variable of the environment.

        Raises:
            ConfigurationError: it has no address, or one where none is taken, or another number of keys than the
                vendor wants.
        """
        base_url = self.base_url or live.base_url
        if base_url and not live.takes_address:
            raise ConfigurationError(
                f"source {source}: the format {live.format.name} takes no base_url: its address is a secret, and "
                f"stands in the variable {live.key_variables[0]}"
            )
        if not base_url and live.takes_address:
            raise ConfigurationError(
                f"source {source}: nothing says where it answers: set base_url in [sources.api], "
                'such as "https://litellm.example.com"'
            )
        variables = self.key_env or live.key_variables
        if len(variables) != len(live.key_variables):
            raise ConfigurationError(
                f"source {source}: key_env in [sources.api] names {len(variables)} variables, and the format "
                f"{live.format.name} takes {len(live.key_variables)}, in place of {', '.join(live.key_variables)}"
            )
        return LiveTerms(
            source=source,
            format=live.format.name,
            base_url=base_url,
            variables=dict(zip(live.key_variables, variables, strict=True)),
            keys={name: read_variable(name) for name in variables},
            since_on=self.since,
            settling_minutes=live.settling_minutes if self.settling_minutes is None else self.settling_minutes,
            reread_hours=live.reread_hours if self.reread_hours is None else self.reread_hours,
            requests_per_minute=self.requests_per_minute or live.requests_per_minute,
            deadline_seconds=self.deadline_seconds,
            kinds=self.kinds,
            counters=self.metrics.counters(),
            ids_path=self.ids_path,
            workspace=self.workspace,
        )
