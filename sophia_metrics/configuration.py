"""Where settings stand: the nearest sophia.toml, and the SOPHIA_… variables of the environment."""

import json
import tomllib
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any, TypeVar, cast

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_settings import EnvSettingsSource

from sophia_metrics.errors import ConfigurationError
from sophia_metrics.misconfiguration import unknown_name

__all__ = [
    "CONFIG_NAME",
    "PREFIX",
    "Anchor",
    "Variables",
    "find_config",
    "given_variables",
    "read_config",
]

CONFIG_NAME = "sophia.toml"
PREFIX = "SOPHIA_"
SettingsTable = TypeVar("SettingsTable", bound=BaseModel)


class Variables(EnvSettingsSource):
    """The SOPHIA_… variables. JSON in them is read as TOML is: numbers stay exact."""

    def decode_complex_value(self, field_name: str, field: FieldInfo, value: Any) -> Any:  # noqa: ANN401, ARG002 - pydantic's signature
        """Read JSON without floats."""
        return json.loads(value, parse_float=Decimal)

    def prepare_field_value(
        self,
        field_name: str,
        field: FieldInfo,
        value: Any,  # noqa: ANN401 - pydantic's signature
        value_is_complex: bool,
    ) -> Any:  # noqa: ANN401 - pydantic's signature
        """Return the value of one setting.

        Raises:
            ConfigurationError: it should be JSON and is not.
        """
        try:
            return super().prepare_field_value(field_name, field, value, value_is_complex)
        except json.JSONDecodeError as error:
            variable = f"{PREFIX}{field_name.upper()}"
            example = f"{variable}='{json.dumps(field.examples[0])}'" if field.examples else "a JSON object"
            raise ConfigurationError(
                f"{variable} is not valid JSON (at character {error.pos}): write it as in {example}, "
                f"or set {field_name} in {CONFIG_NAME}"
            ) from None  # the cause quotes the value


def find_config(folder: Path) -> Path | None:
    """Return the nearest sophia.toml, in the folder or above it, or None."""
    candidates = (each / CONFIG_NAME for each in (folder, *folder.parents))
    return next((each for each in candidates if each.is_file()), None)


def read_config(config: Path, known: Collection[str], secrets: Collection[str]) -> dict[str, Any]:
    """Read a sophia.toml; numbers with a point are Decimals.

    Args:
        config: the file.
        known: the names of all settings.
        secrets: the names of those that must not stand in a file.

    Raises:
        ConfigurationError: it cannot be read, is not TOML, holds a secret, or a name that is no setting.
    """
    try:
        values = tomllib.loads(config.read_text(encoding="utf-8"), parse_float=Decimal)
    except OSError as error:
        raise ConfigurationError(f"{config} cannot be read: give this user read permission") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigurationError(
            f"{config} is not valid TOML ({error}): correct it, or write a new one with `sophia-metrics init`"
        ) from None  # the cause may hold the whole text
    secret = next((key for key in _keys(values) if key.lower() in secrets), None)
    if secret is not None:
        raise ConfigurationError(
            f"{config} holds the secret {secret}: remove it there, and set {PREFIX}{secret.upper()} in the environment"
        )
    unknown = next((key for key in values if key not in known), None)
    if unknown is not None:
        raise ConfigurationError(f"{config}: {unknown_name(unknown, known)}")
    return values


def given_variables(environment: Mapping[str, str], known: Collection[str]) -> frozenset[str]:
    """Return the settings that variables give; an empty variable gives none.

    Raises:
        ConfigurationError: a variable has our prefix and is no setting.
    """
    given: set[str] = set()
    for name, value in environment.items():
        if not name.upper().startswith(PREFIX):
            continue
        setting = name[len(PREFIX) :].lower().split("__")[0]
        if setting not in known:
            variables = (f"{PREFIX}{each.upper()}" for each in known)
            raise ConfigurationError(f"the environment: {unknown_name(name, variables)}; unset or rename it")
        if value:
            given.add(setting)
    return frozenset(given)


@dataclass(frozen=True, slots=True)
class Anchor:
    """From where relative paths go.

    here: the folder from which those of variables go, and all others where there is no file.
    config: the file, from whose folder its paths go. None: there is none.
    given: the settings that variables give.
    """

    here: Path
    config: Path | None
    given: Collection[str]

    def absolute(self, setting: str, path: Path) -> Path:
        """Return the path that a setting names; a leading ~ is the user's home.

        Raises:
            ConfigurationError: the path starts with ~ and the name of an unknown user.
        """
        try:
            expanded = path.expanduser()
        except RuntimeError as error:
            raise ConfigurationError(f"{path} names the home of an unknown user: write the path in full") from error
        folder = self.here if self.config is None or setting in self.given else self.config.parent
        return expanded if expanded.is_absolute() else folder / expanded

    def inside(self, setting: str, table: SettingsTable, field: str) -> SettingsTable:
        """Return a table of settings with the path in one of its fields made absolute; it may name none.

        Raises:
            ConfigurationError: as `absolute`.
        """
        path: Path | None = getattr(table, field)
        return table if path is None else table.model_copy(update={field: self.absolute(setting, path)})


def _keys(values: Mapping[str, Any]) -> Iterator[str]:
    """Yield the keys of a table and of the tables in it."""
    for key, value in values.items():
        yield key
        for each in cast("list[Any]", value) if isinstance(value, list) else [value]:
            if isinstance(each, dict):
                yield from _keys(cast("dict[str, Any]", each))
