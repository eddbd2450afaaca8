"""How far attribution goes where settings leave it to ``detail``."""

from __future__ import annotations

from typing import TypeVar

from dina.settings import AttributionSettings, Detail, InteractionSettings, LatentMapSettings, Section

BY_DETAIL = {
    AttributionSettings: {"n_checked_images": {"quick": 12, "full": 60}},
    InteractionSettings: {"n_latents": {"quick": 3, "full": 16}, "n_surrogates": {"quick": 20, "full": 100}},
    LatentMapSettings: {
        "n_surrogates": {"quick": 199, "full": 999},
        "n_shuffles": {"quick": 499, "full": 4999},
    },
}

Open = TypeVar("Open", bound=Section)


def resolved(settings: Open, detail: Detail) -> Open:
    """The settings, with a number wherever they or the sections within them say null."""
    by_detail = BY_DETAIL.get(type(settings), {}).items()
    found = {name: by[detail] for name, by in by_detail if getattr(settings, name) is None}
    within = {name: resolved(value, detail) for name, value in settings if isinstance(value, Section)}
    return settings.model_copy(update=found | within)
