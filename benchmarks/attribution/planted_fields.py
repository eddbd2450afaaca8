"""Where neurons look, and where the decoder looks, against receptive fields that are known."""

from __future__ import annotations

from pathlib import Path

import numpy as np

SEED = 11
N_NEURONS = 300
TRUE_SHARE = 0.1  # of a field's peak: inside
MATTER_SHARE = 0.8  # of the match: neurons that make up as much of it matter


def receptive_field_rows(folder: Path) -> list[dict]:
    """Centres by the trained towers against true ones: Pearson r, the smaller of x and y; and by linear fields.

    ``rf_centres_r`` shall reach 0.9 across responsive neurons, and be no worse than the better of two regularised
    linear fields fitted to the same trials (``rf_centres_r_lead``, the difference).
    """
    import pandas as pd

    from dina import stores

    neurons, _ = _attributed(folder / "wide", {"mean_signal_variance": 0.17, "share_unresponsive": 0.3})
    agreement = stores.read_table(neurons, "agreement")
    by_method = agreement.groupby("method")["r"].min()
    linear = by_method.drop("dina").max()
    return pd.DataFrame(
        {
            "name": ["rf_centres_r", "rf_centres_r_of_linear_fields", "rf_centres_r_lead"],
            "value": [by_method["dina"], linear, by_method["dina"] - linear],
            "goal": [">= 0.9", "", ">= 0"],
            "unit": "Pearson r",
        }
    ).to_dict("records")


def saliency_rows(folder: Path) -> list[dict]:
    """Share of the match's attribution that lies where neurons look that matter, in a population that sees the middle.

    The union of the true fields of those neurons covers ``field_area`` of the image, which is what attribution that
    knows nothing would put there.
    """
    from dina import stores
    from dina.attribution.methods import METHODS

    population = {"magnification_deg_per_um": 0.005, "scatter_deg": 2.5, "share_unresponsive": 0.3}
    population |= {"mean_signal_variance": 0.17, "spatial_frequency_cpd": (0.08, 0.2)}
    neurons, pixels = _attributed(folder / "middle", population)
    truth = folder / "middle" / "truth"
    importance = np.maximum(stores.read_array(neurons, "match_importance"), 0)
    ranked = np.argsort(-importance)
    n_matter = 1 + int(np.searchsorted(np.cumsum(importance[ranked]) / importance.sum(), MATTER_SHARE))
    fields = np.abs(stores.read_array(truth, "receptive_field")[ranked[:n_matter]])
    inside = (fields >= TRUE_SHARE * fields.max((1, 2), keepdims=True)).any(0)
    mass = np.abs(stores.read_array(pixels, "match_attribution"))
    share = mass[..., inside].sum((1, 2)) / mass.sum((1, 2, 3))
    return [
        *(
            {"name": f"saliency_inside_fields, {method}", "value": float(of), "goal": ">= 0.8", "unit": "share"}
            for method, of in zip(METHODS, share, strict=True)
        ),
        {"name": "field_area", "value": float(inside.mean()), "goal": "", "unit": "share"},
    ]


def _attributed(folder: Path, population: dict) -> tuple[Path, Path]:
    """Simulate a recording, train DINA on it and attribute: the stores of neurons and pixels."""
    from dina.attribution.neurons import attribute_neurons
    from dina.attribution.pixels import attribute_pixels
    from dina.recordings.importers.simulated import import_simulated_responses
    from dina.settings import AttributionSettings, DinaSettings, GaborSettings, SimulationSettings
    from dina.training.train import train_dina

    simulation = SimulationSettings.model_validate(
        {"seed": SEED, "population": population, "protocol": {"share_train_repeated": 1.0}}
    )
    responses, truth, model = folder / "responses", folder / "truth", folder / "model"
    import_simulated_responses(simulation, responses, n_neurons=N_NEURONS, truth=truth)
    train_dina(responses, model, DinaSettings(), GaborSettings(), seed=0, device="cpu")
    settings = AttributionSettings()
    attribute_neurons(responses, [model], folder / "neurons", settings, detail="quick", device="cpu", truth=truth)
    attribute_pixels(
        responses, [model], folder / "pixels", settings, DinaSettings(), GaborSettings(), detail="quick", device="cpu"
    )
    return folder / "neurons", folder / "pixels"
