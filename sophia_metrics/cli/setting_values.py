"""Every setting with the value that holds, secrets masked."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import cast

from pydantic import BaseModel, SecretStr

from sophia_metrics.settings import Settings

__all__ = ["SettingValue", "setting_values"]

MASKED = "********"
UNSET = "not set"


@dataclass(frozen=True, slots=True)
class SettingValue:
    """One setting: its name as in sophia.toml, its value as text, and what it is."""

    name: str
    value: str
    is_default: bool
    description: str


def setting_values(settings: Settings) -> tuple[SettingValue, ...]:
    """Return every setting, in the order of the configuration."""
    return tuple(_values(settings, ""))


def _values(model: BaseModel, prefix: str) -> Iterator[SettingValue]:
    for name, field in type(model).model_fields.items():
        value: object = getattr(model, name)
        parts = _parts(value, f"{prefix}{name}")
        if parts:
            for label, part in parts:
                yield from _values(part, f"{label}.")
        else:
            is_default = not field.is_required() and value == field.get_default(call_default_factory=True)
            yield SettingValue(f"{prefix}{name}", _text(value), is_default, field.description or "")


def _parts(value: object, label: str) -> list[tuple[str, BaseModel]]:
    """Return the models inside a value, each with its name; none where it is a plain value."""
    if isinstance(value, BaseModel):
        return [(label, value)]
    several = cast("tuple[object, ...]", value) if isinstance(value, tuple) else ()
    return [(f"{label}[{place}]", each) for place, each in enumerate(several) if isinstance(each, BaseModel)]


def _text(value: object) -> str:
    if isinstance(value, SecretStr):
        return MASKED
    if isinstance(value, Mapping):
        items = cast("Mapping[object, object]", value).items()
        return ", ".join(f"{key} = {_text(each)}" for key, each in items) or UNSET
    if isinstance(value, tuple):
        return ", ".join(map(_text, cast("tuple[object, ...]", value))) or UNSET
    if isinstance(value, BaseModel):
        return ", ".join(f"{key} = {_text(each)}" for key, each in value if each is not None)
    return UNSET if value is None else str(value)
