"""A grid of settings that are tried one by one."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Annotated, Any, Self

from pydantic import Field, model_validator

from dina.settings.decoding import DinaSettings, GaborSettings
from dina.settings.section import Section

SWEPT = {"dina": DinaSettings, "gabor": GaborSettings}


class SweptSetting(Section):
    """One setting and the values to try."""

    setting: str = Field(description="Dotted name of a setting under dina or gabor.")
    values: Annotated[tuple[Any, ...], Field(min_length=1)] = Field(description="Values to try.")


class SweepSettings(Section):
    """Settings of DINA that ``snakemake sweep`` tries, every combination of them, on validation images."""

    grid: Annotated[tuple[SweptSetting, ...], Field(min_length=1)] = Field(
        (
            SweptSetting(setting="dina.training.learning_rate", values=(0.001, 0.01)),
            SweptSetting(setting="dina.training.neuron_dropout", values=(0.0, 0.3)),
        ),
        description="Settings under dina or gabor by their dotted names, each with the values to try.",
    )
    seeds: Annotated[tuple[Annotated[int, Field(ge=0)], ...], Field(min_length=1)] = Field(
        (0,), description="Seeds of every combination; the mean over them is compared."
    )

    @model_validator(mode="after")
    def _every_value_is_a_setting(self) -> Self:
        plain = {name: section().model_dump(mode="json") for name, section in SWEPT.items()}
        for point in self.points():
            for name, section in changed(plain, point).items():
                SWEPT[name].model_validate(section)
        return self

    def points(self) -> Iterator[dict[str, Any]]:
        """Every combination: dotted name → value."""
        names = [one.setting for one in self.grid]
        for values in itertools.product(*(one.values for one in self.grid)):
            yield dict(zip(names, values, strict=True))


def changed(settings: dict[str, dict], point: dict[str, Any]) -> dict[str, dict]:
    """The sections ``dina`` and ``gabor`` as plain values, with a point's values put in.

    Raises
    ------
    ValueError
        If a name is none of their settings.
    """
    sections = {name: dict(settings[name]) for name in SWEPT}
    for dotted, value in point.items():
        *path, last = dotted.split(".")
        within: Any = sections
        for key in path:
            if not isinstance(within.get(key), dict):
                break
            within[key] = dict(within[key])
            within = within[key]
        else:
            if path and last in within and not isinstance(within[last], dict):
                within[last] = value
                continue
        raise ValueError(f"{dotted} is no single setting under dina or gabor")
    return sections
