"""Every setting: from sophia.toml and SOPHIA_… variables, read once and passed down as values.

Secrets come from the environment only. A list of sources is written in sophia.toml:

    [[sources]]
    name = "gateway"
    format = "litellm"
    paths = ["/var/log/litellm/*.jsonl"]
"""

import os
import tomllib
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, Literal
from zoneinfo import available_timezones

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from sophia_metrics.errors import ConfigurationError
from sophia_metrics.sources.mapped import ColumnMapping

__all__ = ["CONFIG_NAME", "GateSettings", "Settings", "SourceSettings", "find_config", "load_settings"]

CONFIG_NAME = "sophia.toml"
STATE_NAME = ".sophia"
SECRET_FIELDS = frozenset({"identity_secret"})


class SourceSettings(BaseModel):
    """One place from which usage is collected."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: Annotated[
        str, Field(pattern=r"^[a-z][a-z0-9_-]{0,62}$", description="Name of the source: in every row, in landing, in messages.")
    ]
    format: Annotated[
        str, Field(description="What the files look like: litellm, claude, events, or mapped (with a mapping).")
    ]
    paths: Annotated[
        tuple[str, ...], Field(description="Files, folders or globs. Empty: the places where the format usually lives.")
    ] = ()
    role: Annotated[
        Literal["ledger", "reconcile"], Field(description="ledger: counts as usage; reconcile: is only compared.")
    ] = "ledger"
    billing: Annotated[
        Literal["api", "subscription"] | None,
        Field(description="Who pays for the calls. Unset: what the format says; agent logs do not say, so they are shown as API-equivalent cost, apart from spend."),
    ] = None
    expected_within_hours: Annotated[
        int, Field(gt=0, description="Without a successful collection for so long, the source is stale.")
    ] = 26
    mapping: Annotated[
        ColumnMapping | None, Field(description="For format = mapped: which column means what.")
    ] = None

    @model_validator(mode="after")
    def _mapping_goes_with_its_format(self) -> "SourceSettings":
        if (self.format == "mapped") != (self.mapping is not None):
            raise ValueError("format = 'mapped' and a [sources.mapping] table go together")
        return self


class GateSettings(BaseModel):
    """When a staged slice is held back as a whole."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    max_quarantined_ratio: Annotated[
        float, Field(ge=0, le=1, description="Hold a slice back when a greater share of its rows breaks a row rule.")
    ] = 0.5
    min_rows: Annotated[
        int, Field(ge=1, description="Slices with fewer rows are not judged by that share.")
    ] = 20


class Settings(BaseSettings):
    """The whole configuration. Unset fields have defaults that work on one machine."""

    model_config = SettingsConfigDict(env_prefix="SOPHIA_", env_nested_delimiter="__", extra="forbid", frozen=True)

    home: Annotated[
        Path, Field(description="The state folder, on a local disk. Deployments need an absolute path.")
    ] = Path(STATE_NAME)
    warehouse: Annotated[Literal["duckdb"], Field(description="Where core and marts live.")] = "duckdb"
    time_zone: Annotated[
        str, Field(description="Rules what 'today' and 'month to date' mean. usage_on is UTC everywhere.")
    ] = "UTC"
    identity: Annotated[
        Literal["hash", "plain"], Field(description="hash: people's identifiers are keyed hashes; plain: as they come.")
    ] = "hash"
    identity_secret: Annotated[
        SecretStr | None,
        Field(description="Key of those hashes, from SOPHIA_IDENTITY_SECRET only. Unset: identity.key in the state folder."),
    ] = None
    price_overrides: Annotated[
        Path | None, Field(description="YAML file with contract prices, self-hosted models and backdated discounts.")
    ] = None
    exchange_rates: Annotated[
        Mapping[str, Decimal], Field(description="Dollars for one unit of another currency, by its ISO 4217 code.")
    ] = Field(default_factory=dict[str, Decimal])
    batch_bytes: Annotated[
        int, Field(gt=0, description="Small files are read together up to so many bytes.")
    ] = 512 * 1024 * 1024
    memory_limit: Annotated[
        str, Field(pattern=r"^\d+(\.\d+)?\s?(MB|MiB|GB|GiB)$", description="What DuckDB may use before it spills to disk.")
    ] = "4GiB"
    keep_versions: Annotated[
        int, Field(ge=2, description="Published versions that are kept at least; each is also kept for 24 hours.")
    ] = 3
    gate: Annotated[GateSettings, Field(description="When a staged slice is held back.")] = GateSettings()
    sources: Annotated[
        tuple[SourceSettings, ...], Field(description="Where usage comes from.")
    ] = ()

    @field_validator("time_zone")
    @classmethod
    def _time_zone_exists(cls, value: str) -> str:
        if value not in available_timezones():
            raise ValueError(f"{value!r} is no time zone of the IANA database; an example is 'Europe/Berlin'")
        return value

    @field_validator("exchange_rates", mode="before")
    @classmethod
    def _rates_are_exact(cls, value: object) -> object:
        if isinstance(value, Mapping):
            return {str(code): Decimal(str(rate)) for code, rate in value.items()}  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]
        return value

    @field_validator("sources")
    @classmethod
    def _names_are_unique(cls, value: tuple[SourceSettings, ...]) -> tuple[SourceSettings, ...]:
        names = [source.name for source in value]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"source names must differ; repeated: {', '.join(twice)}")
        return value

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """The environment wins over the file, whose values arrive as arguments."""
        return (env_settings, init_settings)


def find_config(folder: Path) -> Path | None:
    """Return the nearest sophia.toml, in the folder or above it, or None."""
    return next((each / CONFIG_NAME for each in (folder, *folder.parents) if (each / CONFIG_NAME).is_file()), None)


def load_settings(folder: Path | None = None) -> Settings:
    """Read sophia.toml (the nearest one, in `folder` or above; default: here) and the environment.

    Raises:
        ConfigurationError: the file is not TOML, holds a secret, or a setting is unknown or wrong.
    """
    here = (folder or Path.cwd()).resolve()
    config = find_config(here)
    values = _read_toml(config) if config else {}
    anchor = config.parent if config else here
    values.setdefault("home", STATE_NAME)
    try:
        settings = Settings(**values)
    except ValidationError as error:
        raise ConfigurationError(_explain(error, config)) from None
    return settings.model_copy(
        update={
            "home": _absolute(settings.home, here if os.environ.get("SOPHIA_HOME") else anchor),
            "price_overrides": settings.price_overrides and _absolute(settings.price_overrides, anchor),
            "sources": tuple(
                source.model_copy(update={"paths": tuple(str(_absolute(Path(p), anchor)) for p in source.paths)})
                for source in settings.sources
            ),
        }
    )


def _absolute(path: Path, anchor: Path) -> Path:
    expanded = path.expanduser()
    return expanded if expanded.is_absolute() else anchor / expanded


def _read_toml(config: Path) -> dict[str, Any]:
    try:
        values = tomllib.loads(config.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{config} is not valid TOML ({error}): correct it, or write a new one with `sophia-metrics init`") from error
    secrets = SECRET_FIELDS & values.keys()
    if secrets:
        name = sorted(secrets)[0]
        raise ConfigurationError(f"{config} holds the secret {name}: remove it there and set SOPHIA_{name.upper()} in the environment")
    return values


def _explain(error: ValidationError, config: Path | None) -> str:
    lines = [
        f"  {'.'.join(str(part) for part in problem['loc']) or 'settings'}: {problem['msg']}"
        for problem in error.errors(include_input=False, include_url=False, include_context=False)
    ]
    where = f"{config} and the SOPHIA_… variables" if config else "the SOPHIA_… variables"
    return "\n".join([f"settings in {where} are wrong:", *lines, "  `sophia-metrics doctor` lists every setting; `sophia-metrics init` writes an example"])
