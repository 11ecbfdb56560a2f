"""From what pydantic finds wrong with settings to a message that a person can act on.

The message names settings and examples, and never a value: a value may be a secret.
"""

import json
from collections.abc import Iterable
from difflib import get_close_matches
from types import UnionType
from typing import Annotated, Union, cast, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo

__all__ = ["explain", "unknown_name"]

WORDS = {
    "missing": "must be given",
    "tuple_type": "must be a list, in [ and ]",
    "dict_type": "must be a table of names and values",
    "model_type": "must be a table",
}
"""For those of pydantic's findings that speak of Python."""


def explain(error: ValidationError, model: type[BaseModel], where: str) -> str:
    """Return one line a problem, each with an example where the setting has one.

    Args:
        error: what pydantic found.
        model: the model that was validated, for names and examples.
        where: where the settings stand, for the start of the message.
    """
    problems = error.errors(include_input=False, include_url=False, include_context=False)
    lines = [f"  {_problem(model, problem['loc'], problem['type'], problem['msg'])}" for problem in problems]
    return "\n".join([f"wrong settings in {where}:", *lines, "  `sophia-metrics doctor` explains every setting"])


def unknown_name(name: str, known: Iterable[str]) -> str:
    """Return that a name is no setting, and which one it may have been meant to be."""
    names = list(known)
    near = get_close_matches(name, names, n=1)
    advice = f"did you mean {near[0]}?" if near else f"known are {', '.join(sorted(names))}"
    return f"{name} is no setting: {advice}"


def _problem(model: type[BaseModel], place: tuple[int | str, ...], kind: str, message: str) -> str:
    name = ".".join(str(part) for part in place) or "settings"
    owner, field = _find(model, place)
    if kind == "extra_forbidden" and owner is not None:
        prefix = "".join(f"{part}." for part in place[:-1])
        return f"{prefix}{unknown_name(str(place[-1]), owner.model_fields)}"
    words = message.removeprefix("Value error, ")
    if words == message:  # pydantic's own words, in which each finding is a sentence
        words = WORDS.get(kind, f"{message[:1].lower()}{message[1:]}")
    example = field.examples[0] if field is not None and field.examples else None
    end = f"; an example is {place[-1]} = {_toml(example)}" if example is not None else ""
    return f"{name}: {words}{end}"


def _find(model: type[BaseModel], place: tuple[int | str, ...]) -> tuple[type[BaseModel] | None, FieldInfo | None]:
    """Return the model in which the last part of a place stands, and its field; None where there is none."""
    owner: type[BaseModel] | None = model
    field: FieldInfo | None = None
    for part in place:
        if isinstance(part, int):
            continue
        if field is not None:
            owner = _model_in(field.annotation)
        field = owner.model_fields.get(part) if owner is not None else None
        if field is None:
            break
    return owner, field


def _model_in(annotation: object) -> type[BaseModel] | None:
    """Return the model that an annotation holds: itself, or in a tuple, or beside None."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    if get_origin(annotation) in {tuple, Union, UnionType, Annotated}:
        return next((found for each in get_args(annotation) if (found := _model_in(each))), None)
    return None


def _toml(value: object) -> str:
    if isinstance(value, dict):
        pairs = (f"{key} = {_toml(each)}" for key, each in cast("dict[str, object]", value).items())
        return f"{{ {', '.join(pairs)} }}"
    if isinstance(value, list):
        return f"[{', '.join(map(_toml, cast('list[object]', value)))}]"
    return json.dumps(value) if isinstance(value, str | bool) else str(value)
