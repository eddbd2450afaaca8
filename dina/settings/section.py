"""A section of the settings, its types, and how plain values become one."""

from __future__ import annotations

import difflib
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from dina.errors import SettingsError, problem

Fraction = Annotated[float, Field(ge=0, le=1)]
Positive = Annotated[float, Field(gt=0)]
NonNegative = Annotated[float, Field(ge=0)]
Count = Annotated[int, Field(ge=1)]


def increasing(span: tuple[float, float]) -> tuple[float, float]:
    """Refuse two values out of order."""
    if span[0] >= span[1]:
        raise ValueError(f"the first value, {span[0]}, below the second, {span[1]}")
    return span


def unique(values: tuple) -> tuple:
    """Refuse a value that stands twice."""
    if len(set(values)) < len(values):
        raise ValueError("each value once")
    return values


Span = Annotated[tuple[float, float], AfterValidator(increasing)]
Device = Literal["auto", "cpu", "cuda", "mps"]
Detail = Literal["quick", "full"]
Indicator = Literal["GCaMP6f", "GCaMP6s", "GCaMP7f", "GCaMP8f", "GCaMP8m", "GCaMP8s"]


class Section(BaseModel):
    """A part of the settings: immutable, and closed to unknown keys."""

    model_config = ConfigDict(extra="forbid", frozen=True, validate_default=True, allow_inf_nan=False)


def nearest(name: str, known: list[str]) -> str:
    """A hint that names the known key closest to ``name``."""
    close = difflib.get_close_matches(name, known, n=1, cutoff=0.6)
    return f"Did you mean {close[0]!r}?" if close else f"Known keys: {', '.join(sorted(known))}."


def read_values(path: Path) -> dict:
    """Keys and values of a YAML file, not yet checked.

    Raises
    ------
    SettingsError
        If there is no such file, or something else in it.
    """
    import yaml

    try:
        values = yaml.safe_load(path.read_text(encoding="utf-8-sig")) or {}
    except OSError as error:
        raise SettingsError(problem(path, f"no readable file ({error.strerror})", "YAML", "Mend the path.")) from None
    except (yaml.YAMLError, ValueError, RecursionError) as error:  # bytes, dates or numbers that are none; nesting
        raise SettingsError(problem(path, f"no YAML ({error})", "keys and values", "Mend it.")) from None
    if not isinstance(values, dict):
        raise SettingsError(
            problem(path, type(values).__name__, "keys and values", "Write it like config/config.yaml.")
        )
    return values


def _known_keys(model: type[BaseModel], path: tuple) -> list[str]:
    for key in path:
        field = model.model_fields.get(str(key))
        if field is None or not (isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel)):
            break
        model = field.annotation
    return list(model.model_fields)


def _expected(item: dict) -> str:
    """What pydantic expected, in words that need no knowledge of pydantic."""
    if item["type"] in ("model_type", "model_attributes_type", "dict_type"):
        return "keys and values"
    if item["type"] == "string_pattern_mismatch":
        return "letters, digits, _ and - alone"
    message = item["msg"].removeprefix("Value error, ").removeprefix("Input should be ")
    return message[0].lower() + message[1:]


def parse(model: type[Section], values: dict, where: str) -> Section:
    """Validate plain values against a section, telling errors as a user can mend them.

    Raises
    ------
    SettingsError
        Naming file, key, what was found and what was expected, one line per mistake.
    """
    try:
        return model.model_validate(values)
    except ValidationError as error:
        lines = []
        for item in error.errors():
            key = ".".join(str(part) for part in item["loc"])
            if item["type"] == "extra_forbidden":
                hint = nearest(str(item["loc"][-1]), _known_keys(model, item["loc"][:-1]))
                lines.append(f"{where}: unknown setting {key!r}. {hint}")
            elif item["type"] == "value_error" and isinstance(item.get("input"), dict):  # values that do not agree
                lines.append(": ".join(part for part in (where, key, f"{_expected(item)}.") if part))
            else:
                lines.append(f"{where}: {key}: found {item.get('input')!r}; expected {_expected(item)}.")
        raise SettingsError("\n".join(lines)) from None
