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
    BaseModel,
    ConfigDict,
    Field,
    SecretStr,
    StringConstraints,
    ValidationError,
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
    Variables,
    absolute,
    find_config,
    given_variables,
    read_config,
)
from sophia_metrics.errors import ConfigurationError
from sophia_metrics.health.settings import ProbeSettings, ServiceSettings, check_services
from sophia_metrics.invoices.formats import BILL_FORMATS
from sophia_metrics.maintenance.settings import BackupSettings, RetentionSettings
from sophia_metrics.misconfiguration import explain
from sophia_metrics.pricing.settings import PricingSettings
from sophia_metrics.sources.live.registry import COMPARED_FORMATS, LIVE_FORMATS
from sophia_metrics.sources.live.settings import ApiSettings
from sophia_metrics.sources.mapped import ColumnMapping
from sophia_metrics.sources.role_settings import RoleSettings
from sophia_metrics.sources.table_settings import TABLE_FORMATS, TableSettings
from sophia_metrics.sources.terms import SAMPLE_SOURCE, Role
from sophia_metrics.suggestions.settings import SuggestionSettings
from sophia_metrics.time_zones import is_time_zone
from sophia_metrics.usage.roles import covers
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
Rate = Annotated[Decimal, Field(gt=0, max_digits=38, decimal_places=18)]


class SourceSettings(BaseModel):
    """One place from which usage is collected."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    name: Annotated[
        str,
        Field(
            pattern=r"^[a-z][a-z0-9_-]{0,62}$",
            description="Name of the source: in every row, in landing, in messages.",
            examples=["gateway"],
        ),
    ]
    format: Annotated[
        str,
        Field(
            description="What the files look like: litellm, claude, codex, openrouter, langfuse, bedrock, events, "
            "mapped (with a mapping); a table of Snowflake: snowflake_analytics, snowflake_cortex, snowflake_credits; "
            f"what answers over the network: {', '.join(LIVE_FORMATS)}; or files of a provider's bill, which is no "
            "usage: focus.",
            examples=["litellm"],
        ),
    ]
    paths: Annotated[
        tuple[str, ...],
        Field(
            description="Files, folders or globs. Empty: the places where the format usually lives.",
            examples=[["/var/log/litellm/*.jsonl"]],
        ),
    ] = ()
    role: Annotated[
        Literal["ledger", "reconcile"] | None,
        Field(
            description="ledger: counts as usage; reconcile: is only compared. Unset: ledger; "
            f"{', '.join(sorted(COMPARED_FORMATS))}: reconcile.",
            examples=["ledger"],
        ),
    ] = None
    roles: Annotated[
        tuple[RoleSettings, ...],
        Field(
            description="Parts of it with another role; role is that of all else. Of several that fit a row the first "
            "holds."
        ),
    ] = ()
    account: Annotated[
        str | None,
        Field(
            min_length=1,
            max_length=200,
            description="What its rows, or the lines of its bill, say for account_id where they tell none.",
            examples=["eu-organisation"],
        ),
    ] = None
    billing: Annotated[
        Literal["api", "subscription"] | None,
        Field(
            description="Who pays for the calls. Unset: what the format says; agent logs do not say, so they "
            "are shown as API-equivalent cost, apart from spend.",
            examples=["subscription"],
        ),
    ] = None
    expected_within_hours: Annotated[
        int,
        Field(
            gt=0,
            description="Without a successful collection for so long, the source is stale.",
            examples=[26],
        ),
    ] = 26
    mapping: Annotated[ColumnMapping | None, Field(description="For format = mapped: which column means what.")] = None

    table: Annotated[
        TableSettings | None,
        Field(description="For tables of Snowflake: which one, and how it is read, where that is not as usual."),
    ] = None

    api: Annotated[
        ApiSettings | None,
        Field(description="For sources that answer over the network: where, and how they are read, if not as usual."),
    ] = None

    @property
    def usual_role(self) -> Role:
        """What its rows count as, unless one of roles fits them."""
        return self.role or ("reconcile" if self.format in COMPARED_FORMATS else "ledger")

    @property
    def is_table(self) -> bool:
        """It is a table of Snowflake, whose rows are pulled into files of the state folder."""
        return self.format in TABLE_FORMATS

    settling_hours: Annotated[
        int | None,
        Field(
            ge=0,
            le=2400,
            description="A day is complete so long after its end, and a gap to a bill a finding. Unset: 1 for files, "
            "24 for what answers over the network, 48 for cost reports, 120 for focus.",
            examples=[72],
        ),
    ] = None

    @property
    def is_live(self) -> bool:
        """It answers over the network, and is pulled into files of the state folder."""
        return self.format in LIVE_FORMATS

    @property
    def is_pulled(self) -> bool:
        """It has no files of its own."""
        return self.is_table or self.is_live

    @model_validator(mode="after")
    def _api_goes_with_its_formats(self) -> "SourceSettings":
        if self.api is not None and not self.is_live:
            raise ValueError(f"[sources.api] goes with format = {', '.join(LIVE_FORMATS)}")
        if self.is_live and self.paths:
            raise ValueError(
                f"a source of the format {self.format} has no paths: it answers at base_url of [sources.api]"
            )
        return self

    @property
    def is_bill(self) -> bool:
        """Its rows are lines of a provider's bill: they are held against usage, and are none."""
        return self.format in BILL_FORMATS

    @model_validator(mode="after")
    def _roles_are_of_parts_of_usage(self) -> "SourceSettings":
        if self.roles and self.is_bill:
            raise ValueError(
                f"[[sources.roles]] goes with usage: a source with format = '{self.format}' is a bill, which never "
                "counts as usage"
            )
        parts = [each.part for each in self.roles]
        for place, part in enumerate(parts):
            wider = next((number for number, first in enumerate(parts[:place], 1) if covers(first, part)), None)
            if wider is not None:
                raise ValueError(
                    f"[[sources.roles]] number {place + 1} has no effect: number {wider} fits all of it, and the first "
                    "that fits holds. Write it before that, or leave it out"
                )
        return self

    @model_validator(mode="after")
    def _bills_are_files(self) -> "SourceSettings":
        if self.is_bill and not self.is_live and not self.paths:
            raise ValueError(f"a source with format = '{self.format}' needs paths: name the files of the bill")
        return self

    @model_validator(mode="after")
    def _table_goes_with_its_formats(self) -> "SourceSettings":
        if self.table is not None and not self.is_table:
            raise ValueError(f"[sources.table] goes with format = {', '.join(TABLE_FORMATS)}")
        if self.is_table and self.paths:
            raise ValueError("a table of Snowflake has no paths: name it in [sources.table]")
        return self

    @model_validator(mode="after")
    def _mapping_goes_with_its_format(self) -> "SourceSettings":
        if (self.format == "mapped") != (self.mapping is not None):
            raise ValueError("format = 'mapped' and a [sources.mapping] table go together")
        return self


class GateSettings(BaseModel):
    """When a staged slice is held back as a whole."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    max_quarantined_ratio: Annotated[
        float,
        Field(
            ge=0,
            le=1,
            description="Hold a slice back when a greater share of its rows breaks a row rule.",
            examples=[0.5],
        ),
    ] = 0.5
    min_rows: Annotated[
        int,
        Field(ge=1, description="Slices with fewer rows are not judged by that share.", examples=[20]),
    ] = 20


class QualitySettings(BaseModel):
    """How what readers see is judged. The compiled SQL judges always."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    checkpoint: Annotated[
        bool,
        Field(
            description="Let Great Expectations judge too when the whole pipeline runs, and write Data Docs. It takes "
            "some seconds and a quarter of a gigabyte; check_quality does it in any case.",
            examples=[True],
        ),
    ] = True


class DashboardSettings(BaseModel):
    """Where the page and its API listen, and who may read them."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    host: Annotated[
        str,
        Field(
            min_length=1,
            description="Address on which the page listens. Any other than this machine's own needs a token.",
            examples=["127.0.0.1"],
        ),
    ] = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65535, description="Its port; 0: any free one.", examples=[8321])] = 8321
    token_env: Annotated[
        str,
        Field(
            pattern=r"^[A-Za-z_]\w*$",
            description="The variable of the environment that holds the token, of 16 characters or more. Where it is "
            "set, everybody needs the token.",
            examples=["DASHBOARD_TOKEN"],
        ),
    ] = "DASHBOARD_TOKEN"  # noqa: S105 - the name of a variable
    host_names: Annotated[
        tuple[str, ...],
        Field(
            description="Further names by which people reach the page; a request that asks for another is refused.",
            examples=[["metrics.example.com"]],
        ),
    ] = ()


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

    @field_validator("sources")
    @classmethod
    def _names_are_unique(cls, value: tuple[SourceSettings, ...]) -> tuple[SourceSettings, ...]:
        names = [source.name for source in value]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"source names must differ; repeated: {', '.join(twice)}")
        if SAMPLE_SOURCE in names:
            raise ValueError(f"a source cannot be named {SAMPLE_SOURCE!r}: the sample data are, and they go away")
        return value

    @field_validator("caches")
    @classmethod
    def _cache_names_are_unique(cls, value: tuple[CacheSettings, ...]) -> tuple[CacheSettings, ...]:
        names = [cache.name for cache in value]
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise ValueError(f"cache names must differ; repeated: {', '.join(twice)}")
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

    @field_validator("budgets")
    @classmethod
    def _names_of_budgets_are_unique(cls, value: tuple[BudgetSettings, ...]) -> tuple[BudgetSettings, ...]:
        names = [budget.name for budget in value]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"budget names must differ; repeated: {', '.join(twice)}")
        return value

    @field_validator("notifiers")
    @classmethod
    def _channels_are_unique(cls, value: tuple[NotifierSettings, ...]) -> tuple[NotifierSettings, ...]:
        names = [notifier.name for notifier in value]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"notifier names must differ; repeated: {', '.join(twice)}")
        return value

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

    def anchored(name: str, path: Path) -> Path:
        return absolute(path, config.parent if config and name not in given else here)

    home = anchored("home", settings.home)
    sources = (
        source.model_copy(
            update={
                "paths": (str(home / SPOOL_NAME / source.name),)
                if source.is_pulled
                else tuple(str(anchored("sources", Path(path))) for path in source.paths)
            }
        )
        for source in settings.sources
    )
    return settings.model_copy(
        update={
            "home": home,
            "price_overrides": settings.price_overrides and anchored("price_overrides", settings.price_overrides),
            "pricing": settings.pricing.model_copy(
                update={
                    "litellm_prices": settings.pricing.litellm_prices
                    and anchored("pricing", settings.pricing.litellm_prices)
                }
            ),
            "backup": settings.backup.model_copy(
                update={"folder": settings.backup.folder and anchored("backup", settings.backup.folder)}
            ),
            "snowflake": settings.snowflake
            and settings.snowflake.model_copy(
                update={
                    "private_key_path": settings.snowflake.private_key_path
                    and anchored("snowflake", settings.snowflake.private_key_path)
                }
            ),
            "sources": tuple(sources),
            "budgets": settings.budgets if {"budgets"} & (values.keys() | given) else platform_budgets(os.environ),
        }
    )


def read_variable(name: str) -> str | None:
    """Return a variable of the environment that a setting names, such as url_env. None: it is unset or empty."""
    return os.environ.get(name) or None
