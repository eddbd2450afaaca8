"""How far attribution goes where the settings leave it to ``detail``."""

from __future__ import annotations

from dina.settings import AttributionSettings, Detail

BY_DETAIL = {
    "n_checked_images": {"quick": 12, "full": 60},
    "n_interaction_latents": {"quick": 3, "full": 16},
    "n_surrogates": {"quick": 20, "full": 100},
}


def resolved(settings: AttributionSettings, detail: Detail) -> AttributionSettings:
    """The settings, with a number wherever they say null."""
    left_open = {name: by[detail] for name, by in BY_DETAIL.items() if getattr(settings, name) is None}
    return settings.model_copy(update=left_open)
