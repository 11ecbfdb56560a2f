"""Every setting: from sophia.toml and SOPHIA_… variables, read once and passed down as values.

A variable wins over the file; a part of a table is named with two underscores: SOPHIA_GATE__MIN_ROWS.
Secrets come from the environment only. A list of sources is written in sophia.toml:

    [[sources]]
    name = "gateway"
    format = "litellm"
    paths = ["/var/log/litellm/*.jsonl"]
"""

import os
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    Field,
    SecretStr,
    StringConstraints,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from sophia_metrics.alerts.maintenance_settings import AlertMaintenanceSettings
from sophia_metrics.alerts.settings import AlertSettings, NotifierSettings
from sophia_metrics.anomalies.settings import AnomalySettings
from sophia_metrics.budget_settings import PLATFORM_BUDGETS, BudgetSettings, platform_budgets
from sophia_metrics.cache.cache_settings import CacheSettings
from sophia_metrics.configuration import (
    CONFIG_NAME,
    PREFIX,
    Anchor,
    Variables,
    find_config,
    given_variables,
    read_config,
)
from sophia_metrics.dashboard_settings import DashboardSettings
from sophia_metrics.errors import ConfigurationError
from sophia_metrics.health.settings import ProbeSettings, ServiceSettings, check_services
from sophia_metrics.maintenance.settings import BackupSettings, RetentionSettings
from sophia_metrics.misconfiguration import explain
from sophia_metrics.pricing.settings import PricingSettings
from sophia_metrics.quality.settings import QualitySettings
from sophia_metrics.source_settings import SourceSettings
from sophia_metrics.sources.live.settings import ApiSettings
from sophia_metrics.sources.role_settings import RoleSettings
from sophia_metrics.sources.table_settings import TABLE_FORMATS, TableSettings
from sophia_metrics.sources.terms import SAMPLE_SOURCE
from sophia_metrics.suggestions.settings import SuggestionSettings
from sophia_metrics.time_zones import is_time_zone
from sophia_metrics.usage.gate_settings import GateSettings
from sophia_metrics.warehouse.snowflake.settings import AnalyticsSinkSettings, SnowflakeSettings, platform_values

__all__ = [
    "CONFIG_NAME",
    "SECRET_FIELDS",
    "AnalyticsSinkSettings",
    "ApiSettings",
    "DashboardSettings",
    "GateSettings",
    "QualitySettings",
    "RoleSettings",
    "Settings",
    "SnowflakeSettings",
    "SourceSettings",
    "TableSettings",
    "find_config",
    "load_settings",
    "read_variable",
]

STATE_NAME = ".sophia"
SPOOL_NAME = "spool"
"""In the state folder: what was pulled from tables and is not committed yet."""
SECRET_FIELDS = frozenset({"identity_secret"})
"""Settings that are refused in sophia.toml."""

Currency = Annotated[str, StringConstraints(pattern="^[A-Za-z]{3}$", to_upper=True)]
Named = SourceSettings | CacheSettings | BudgetSettings | NotifierSettings
Rate = Annotated[Decimal, Field(gt=0, max_digits=38, decimal_places=18)]


class Settings(BaseSettings):
    """The whole configuration. Unset fields have defaults that work on one machine."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        env_nested_delimiter="__",
        env_ignore_empty=True,
        extra="forbid",
        frozen=True,
        hide_input_in_errors=True,
    )

    home: Annotated[
        Path,
        Field(
            description="The state folder, on a local disk. Deployments need an absolute path.",
            examples=["/var/lib/sophia"],
        ),
    ] = Path(STATE_NAME)
    warehouse: Annotated[
        Literal["duckdb", "snowflake"], Field(description="Where core and marts live.", examples=["duckdb"])
    ] = "duckdb"
    snowflake: Annotated[
        SnowflakeSettings | None,
        Field(
            description="The connection to Snowflake. Unset: the SNOWFLAKE_… variables, where that is the warehouse.",
            examples=[{"account": "myorg-myaccount", "user": "SOPHIA_METRICS", "role": "SOPHIA_METRICS"}],
        ),
    ] = None
    time_zone: Annotated[
        str,
        Field(
            description="Rules what 'today', 'month to date' and the periods of budgets mean. usage_on is UTC "
            "everywhere.",
            examples=["Europe/Berlin"],
        ),
    ] = "UTC"
    identity: Annotated[
        Literal["hash", "plain"],
        Field(
            description="hash: people's identifiers are keyed hashes; plain: as they come.",
            examples=["hash"],
        ),
    ] = "hash"
    identity_secret: Annotated[
        SecretStr | None,
        Field(
            description="Key of those hashes, from SOPHIA_IDENTITY_SECRET only. Unset: identity.key in the "
            "state folder."
        ),
    ] = None
    price_overrides: Annotated[
        Path | None,
        Field(
            description="YAML file with contract prices, self-hosted models and backdated discounts.",
            examples=["prices.yaml"],
        ),
    ] = None
    pricing: Annotated[PricingSettings, Field(description="Where other prices come from.")] = PricingSettings()
    exchange_rates: Annotated[
        Mapping[Currency, Rate],
        Field(
            description="Dollars for one unit of another currency, by its ISO 4217 code.",
            examples=[{"EUR": "1.08"}],
        ),
    ] = Field(default_factory=dict[str, Decimal])
    batch_bytes: Annotated[
        int,
        Field(
            gt=0,
            description="About so many bytes are read, landed and committed at once, and at most a million rows.",
            examples=[1_073_741_824],
        ),
    ] = 2 * 1024 * 1024 * 1024
    memory_limit: Annotated[
        str,
        Field(
            pattern=r"^\d+(\.\d+)?\s?(MB|MiB|GB|GiB)$",
            description="What DuckDB may use before it spills to disk.",
            examples=["4GiB"],
        ),
    ] = "4GiB"
    keep_versions: Annotated[
        int,
        Field(
            ge=2,
            description="Published versions that are kept at least; besides, all of the last hour and one of each "
            "of the last 24 hours are.",
            examples=[3],
        ),
    ] = 3
    gate: Annotated[GateSettings, Field(description="When a staged slice is held back.")] = GateSettings()
    dashboard: Annotated[DashboardSettings, Field(description="The page and its API.")] = DashboardSettings()
    budgets: Annotated[
        tuple[BudgetSettings, ...],
        Field(
            description="What may be spent. Unset: 100 dollars a day (or LLM_DAILY_BUDGET) and 3000 a month "
            "(or LLM_MONTHLY_BUDGET). An empty list: no budgets.",
            examples=[[{"name": "search-month", "scope": "team/search", "period": "month", "limit_usd": 500}]],
        ),
    ] = PLATFORM_BUDGETS
    lock_wait_seconds: Annotated[
        float,
        Field(
            gt=0,
            description="So long a step waits for another process that has the state file; then it fails and says "
            "which one that is.",
            examples=[120],
        ),
    ] = 120
    backup: Annotated[BackupSettings, Field(description="Where copies of the state file go.")] = BackupSettings()
    retention: Annotated[RetentionSettings, Field(description="For how long what is kept.")] = RetentionSettings()
    quality: Annotated[QualitySettings, Field(description="How what readers see is judged.")] = QualitySettings()
    sources: Annotated[
        tuple[SourceSettings, ...],
        Field(
            description="Where usage comes from.",
            examples=[[{"name": "gateway", "format": "litellm", "paths": ["/var/log/litellm/*.jsonl"]}]],
        ),
    ] = ()
    caches: Annotated[
        tuple[CacheSettings, ...],
        Field(
            description="Caches in Redis whose statistics are collected.",
            examples=[[{"name": "answers", "url_env": "REDIS_URL", "key_patterns": ["cache:*"]}]],
        ),
    ] = ()
    probes: Annotated[ProbeSettings, Field(description="How services are asked.")] = ProbeSettings()
    services: Annotated[
        tuple[ServiceSettings, ...],
        Field(
            description="What is asked whether it answers.",
            examples=[[{"name": "chat", "kind": "http", "url": "http://127.0.0.1:9000/health"}]],
        ),
    ] = ()

    notifiers: Annotated[
        tuple[NotifierSettings, ...],
        Field(
            description="Who is told of alerts. None: alerts are recorded and nobody is told.",
            examples=[[{"name": "ops", "kind": "slack", "url_env": "OPS_SLACK_URL"}]],
        ),
    ] = ()
    alerts: Annotated[AlertSettings, Field(description="When alerts fire and resolve.")] = AlertSettings()
    maintenance: Annotated[
        tuple[AlertMaintenanceSettings, ...],
        Field(
            description="Windows in which alerts do not begin.",
            examples=[[{"name": "move", "start_at": "2026-12-01T22:00:00Z", "end_at": "2026-12-02T02:00:00Z"}]],
        ),
    ] = ()
    anomalies: Annotated[AnomalySettings, Field(description="From when on a settled day is an anomaly.")] = (
        AnomalySettings()
    )
    suggestions: Annotated[
        SuggestionSettings, Field(description="From when on a way to spend less is worth a word.")
    ] = SuggestionSettings()

    @property
    def local(self) -> "Settings":
        """The same settings, with the DuckDB warehouse in `home`: on Snowflake that is its mirror.

        What runs every minute works with these, so that it does not keep Snowflake awake. On DuckDB they are the same.
        """
        return self if self.warehouse == "duckdb" else self.model_copy(update={"warehouse": "duckdb"})

    @field_validator("time_zone")
    @classmethod
    def _time_zone_exists(cls, value: str) -> str:
        if not is_time_zone(value):
            raise ValueError("must be a time zone of the IANA database")
        return value

    @field_validator("exchange_rates")
    @classmethod
    def _dollars_are_dollars(cls, value: Mapping[str, Decimal]) -> Mapping[str, Decimal]:
        if "USD" in value:
            raise ValueError("USD has no rate: all rates are in dollars; leave it out")
        return value

    @field_validator("sources", "caches", "budgets", "notifiers")
    @classmethod
    def _names_differ(cls, value: tuple[Named, ...], field: ValidationInfo) -> tuple[Named, ...]:
        names = [each.name for each in value]
        if twice := sorted({name for name in names if names.count(name) > 1}):
            each = str(field.field_name).removesuffix("s")
            raise ValueError(f"{each} names must differ; repeated: {', '.join(twice)}")
        return value

    @field_validator("sources")
    @classmethod
    def _no_source_is_named_like_the_sample(cls, value: tuple[SourceSettings, ...]) -> tuple[SourceSettings, ...]:
        if SAMPLE_SOURCE in {source.name for source in value}:
            raise ValueError(f"a source cannot be named {SAMPLE_SOURCE!r}: the sample data are, and they go away")
        return value

    @model_validator(mode="after")
    def _tables_have_a_connection(self) -> "Settings":
        tables = [source for source in self.sources if source.is_table]
        if tables and self.snowflake is None:
            raise ValueError(f"source {tables[0].name} is a table of Snowflake: say in [snowflake] where that is")
        for name in TABLE_FORMATS:
            prices = {source.table and source.table.credit_price_usd for source in tables if source.format == name}
            if len(prices) > 1:
                raise ValueError(f"sources with format = '{name}' need the same credit_price_usd: it is that of all")
        return self

    @model_validator(mode="after")
    def _services_are_told_apart(self) -> "Settings":
        check_services(self.services, self.probes)
        return self

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - pydantic's signature
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - pydantic's signature
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - pydantic's signature
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """The environment wins over the file, whose values arrive as arguments."""
        return (Variables(settings_cls), init_settings, _PlatformVariables(settings_cls))


class _PlatformVariables(PydanticBaseSettingsSource):
    """The platform's own SNOWFLAKE_… variables, for what nothing else says of a Snowflake that is wanted."""

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:  # noqa: ARG002 - pydantic's signature
        """Return nothing: the table is given as a whole."""
        return None, field_name, False

    def __call__(self) -> dict[str, Any]:
        """Return the table of Snowflake where it is the warehouse, or is spoken of."""
        is_wanted = self.current_state.get("warehouse") == "snowflake" or "snowflake" in self.current_state
        return {"snowflake": platform_values(os.environ)} if is_wanted else {}


def load_settings(folder: Path | None = None) -> Settings:
    """Read sophia.toml (the nearest one, in `folder` or above; default: here) and the environment.

    Relative paths in the file are relative to it; those in variables, and the default of `home` where there
    is no file, to `folder`.

    Raises:
        ConfigurationError: the file cannot be read or is not TOML, it holds a secret, or a setting is unknown
            or wrong, also LLM_DAILY_BUDGET or LLM_MONTHLY_BUDGET where they are the budgets.
    """
    here = (folder or Path.cwd()).resolve()
    config = find_config(here)
    values = read_config(config, Settings.model_fields, SECRET_FIELDS) if config else {}
    given = given_variables(os.environ, Settings.model_fields)
    try:
        settings = Settings(**values)
    except ValidationError as error:
        where = f"{config} and the {PREFIX}… variables" if config else f"the {PREFIX}… variables"
        raise ConfigurationError(explain(error, Settings, where)) from None

    anchor = Anchor(here, config, given)
    is_configured = "budgets" in values or "budgets" in given
    budgets = settings.budgets if is_configured else platform_budgets(os.environ)
    return _anchored(settings, anchor).model_copy(update={"budgets": budgets})


def _anchored(settings: Settings, anchor: Anchor) -> Settings:
    """Return the settings with absolute paths; what is pulled lies in the state folder."""
    home = anchor.absolute("home", settings.home)
    prices, snowflake = settings.price_overrides, settings.snowflake
    return settings.model_copy(
        update={
            "home": home,
            "price_overrides": prices and anchor.absolute("price_overrides", prices),
            "pricing": anchor.inside("pricing", settings.pricing, "litellm_prices"),
            "backup": anchor.inside("backup", settings.backup, "folder"),
            "snowflake": snowflake and anchor.inside("snowflake", snowflake, "private_key_path"),
            "sources": tuple(_source_anchored(source, home / SPOOL_NAME, anchor) for source in settings.sources),
        }
    )


def _source_anchored(source: SourceSettings, spool: Path, anchor: Anchor) -> SourceSettings:
    named = (anchor.absolute("sources", Path(path)) for path in source.paths)
    paths = [spool / source.name] if source.is_pulled else named
    return source.model_copy(update={"paths": tuple(map(str, paths))})


def read_variable(name: str) -> str | None:
    """Return a variable of the environment that a setting names, such as url_env. None: it is unset or empty."""
    return os.environ.get(name) or None
