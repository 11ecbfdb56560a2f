"""The overrides file: reads YAML without ever passing through a float, and says where it is wrong."""

from collections import defaultdict
from collections.abc import Hashable
from decimal import Decimal, InvalidOperation
from itertools import combinations
from pathlib import Path
from typing import Any, cast

import yaml
from pydantic import ValidationError
from pydantic_core import ErrorDetails

from sophia_metrics.errors import ConfigurationError
from sophia_metrics.pricing.override import Override, OverrideFile

__all__ = ["load_overrides", "parse_overrides"]

_EXAMPLES = {
    "provider": "provider: openai",
    "model": 'model: "gpt-5*"',
    "service_tier": "service_tier: batch",
    "valid_from": "valid_from: 2026-01-01",
    "valid_to": "valid_to: 2026-07-01T00:00:00Z",
    "per_million": 'per_million: {input: "0.25", output: "2.00"}',
    "per_unit": 'per_unit: {web_searches: "0.01"}',
    "tiers": 'tiers: [{above: 200000, per_million: {input: "2.50", output: "15.00"}}]',
    "multiplier": 'multiplier: "0.85"',
    "like": "like: {model: gpt-5-mini}",
    "checked_on": "checked_on: 2026-10-14",
}


def load_overrides(path: Path) -> tuple[Override, ...]:
    """Read the prices of our own from a YAML file.

    Raises:
        ConfigurationError: names the file, the entry, the key and an example of what is right.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise ConfigurationError(f"the price overrides {path} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise _not_yaml(str(path), error) from error
    return parse_overrides(text, str(path))


def parse_overrides(text: str, path: str) -> tuple[Override, ...]:
    """Read the entries of a YAML text; `path` names it in errors.

    Raises:
        ConfigurationError: as in `load_overrides`.
    """
    try:
        content = yaml.load(text, Loader=_ExactLoader)  # noqa: S506 - a SafeLoader
    except yaml.YAMLError as error:
        raise _not_yaml(path, error) from error
    try:
        overrides = OverrideFile.model_validate({} if content is None else content).prices
    except ValidationError as error:
        raise ConfigurationError(_explained(path, error.errors()[0], content)) from error
    _check_overlaps(path, overrides)
    return tuple(overrides)


def _not_yaml(path: str, error: Exception) -> ConfigurationError:
    return ConfigurationError(f"the price overrides {path} are not valid YAML: {error}")


class _ExactLoader(yaml.SafeLoader):
    """Reads numbers with a point as Decimal, and refuses a key that stands twice in one mapping."""

    def construct_exact(self, node: yaml.ScalarNode) -> Decimal:
        """Return a number with a point, digit by digit as it was written."""
        try:
            return Decimal(self.construct_scalar(node).replace("_", ""))
        except InvalidOperation as error:
            raise _defect(f"{node.value} is not a decimal number", node) from error

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        """Return the mapping; each key stands in it once."""
        keys = [key.value for key, _ in node.value]
        repeated = [key for key in keys if keys.count(key) > 1]
        if repeated:
            raise _defect(f"{repeated[0]} stands twice", node)
        return super().construct_mapping(node, deep=deep)


def _defect(problem: str, node: yaml.Node) -> yaml.MarkedYAMLError:
    return yaml.MarkedYAMLError(problem=problem, problem_mark=node.start_mark)


_ExactLoader.add_constructor("tag:yaml.org,2002:float", _ExactLoader.construct_exact)


def _explained(path: str, defect: ErrorDetails, content: object) -> str:
    message = defect["msg"].removeprefix("Value error, ")
    match defect["loc"]:
        case ("prices", int(number), *keys):
            entry = cast("dict[str, Any]", content)["prices"][number]
            key = ".".join(str(each) for each in keys) or "the entry"
            example = _EXAMPLES.get(str(keys[0]) if keys else "", _EXAMPLES["per_million"])
            place = f"{path}, entry {number + 1}{_named(entry)}, {key}"
            return f"the price overrides {place}: {message}; for example: {example}"
        case _:
            return f"the price overrides {path}: {message}; the file is one list, for example: prices: []"


def _named(entry: object) -> str:
    if not isinstance(entry, dict):
        return ""
    known = cast("dict[str, object]", entry)
    return f" ({known.get('provider')} {known.get('model')})"


def _check_overlaps(path: str, overrides: list[Override]) -> None:
    same_calls: defaultdict[tuple[str | None, ...], list[tuple[int, Override]]] = defaultdict(list)
    for number, each in enumerate(overrides, start=1):
        calls = (each.provider.lower(), (each.route or "").lower(), each.model.lower(), each.service_tier)
        same_calls[calls].append((number, each))
    for entries in same_calls.values():
        for (first, left), (second, right) in combinations(entries, 2):
            starts_late = left.valid_to and right.valid_from and left.valid_to <= right.valid_from
            starts_early = right.valid_to and left.valid_from and right.valid_to <= left.valid_from
            if not (starts_late or starts_early):
                both = f"entries {first} and {second} ({left.provider} {left.model})"
                raise ConfigurationError(
                    f"the price overrides {path}, {both} hold at the same time:"
                    f" end one where the other begins; for example: {_EXAMPLES['valid_to']}"
                )
