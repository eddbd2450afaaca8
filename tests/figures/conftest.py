"""Small stores as the stages write them, with a truth where one exists."""

from itertools import product

import numpy as np
import pandas as pd
import pytest

from dina import stores
from dina.attribution.latents import summarise
from dina.attribution.methods import METHODS
from dina.imaging.rois import Footprints
from dina.recordings.quality import OF_REGISTRATION, assess_quality
from dina.recordings.responses import write_repeats
from dina.recordings.trials import TrialResponses, describe_neurons, write_trials
from dina.settings import LatentMapSettings, QualitySettings

SIZE, RADIUS, FRAMES, RATE_HZ = 48, 4, 600, 5.0
CENTRES = np.array([[10, 10], [10, 34], [30, 12], [34, 36]])


def discs(centres):
    """Footprints of round cells."""
    y, x = np.mgrid[:SIZE, :SIZE]
    pixels = [np.flatnonzero(np.hypot(y - cy, x - cx).ravel() <= RADIUS).astype(np.int32) for cy, cx in centres]
    indptr = np.r_[0, np.cumsum([len(pixel) for pixel in pixels])].astype(np.int64)
    return Footprints(indptr, np.concatenate(pixels), np.ones(indptr[-1], np.float32))


def every_roi(neurons):
    """The session's table of ROIs: in each plane its neurons, and a fourth ROI that is none."""
    left_out = pd.DataFrame({"plane": [0, 1], "roi": 3, "y_px": CENTRES[3, 0], "x_px": CENTRES[3, 1]})
    left_out = left_out.assign(rejected=["not compact", "by curation"], red=True)
    accepted = neurons.drop(columns="neuron").assign(rejected="", red=neurons["neuron"] == 1)
    return pd.concat([accepted, left_out]).sort_values(["plane", "roi"], ignore_index=True)


@pytest.fixture(scope="session")
def imaging(tmp_path_factory):
    """Session, registered planes, quality, truth: two planes of three ROIs on four neurons, the last of them missed."""
    folder, rng = tmp_path_factory.mktemp("imaging"), np.random.default_rng(0)
    motion = rng.normal(0, 1.5, (2, FRAMES, 2))
    found = discs(CENTRES[:3])
    table = pd.DataFrame(
        {
            "neuron": np.arange(6),
            "plane": np.repeat([0, 1], 3),
            "roi": np.tile(np.arange(3), 2),
            "y_px": np.tile(CENTRES[:3, 0], 2).astype(float),
            "x_px": np.tile(CENTRES[:3, 1], 2).astype(float),
            "skewness": rng.uniform(0.5, 5, 6),
            "has_dff": True,
            "noise_level": rng.uniform(1, 3, 6),
        }
    )
    spikes = rng.random((8, FRAMES)) < 0.05
    neuron, frame = np.nonzero(spikes)
    events = np.concatenate([spikes[:3], spikes[4:7]]).astype(np.float32)
    with stores.new_store(folder / "session") as store:
        stores.write_array(store, "deconvolved", events * rng.uniform(1, 9, events.shape))
        stores.write_array(store, "dff", events + rng.normal(0, 0.1, events.shape))
        times = (np.arange(FRAMES) + np.array([[0], [0.5]])) / RATE_HZ
        stores.write_array(store, "frame_time_s", times, unit="s")
        stores.write_array(store, "mean_image", rng.gamma(5, 20, (2, SIZE, SIZE)))
        stores.write_array(store, "valid_frames", np.arange(FRAMES) >= np.array([[0], [5]]))
        Footprints.join([found, found]).write(store)
        stores.write_table(store, "neurons", table)
        stores.write_table(store, "rois", every_roi(table))
        attributes = {"planes": [0, 1], "volume_rate_hz": RATE_HZ, "pixel_size_um": 2.0, "diameter_px": 2.0 * RADIUS}
        stores.write_attributes(store, attributes)
    for plane in (0, 1):
        with stores.new_store(folder / f"registered-{plane}") as store:
            stores.write_array(store, "rigid_offsets_px", np.round(motion[plane] - (2, -1)).astype(np.int16))
            stores.write_array(store, "frame_mean", 100 + rng.normal(0, 1, FRAMES))
            stores.write_array(store, "residual_motion_px", np.full(20, 0.1))
            stores.write_array(store, "residual_frame", np.linspace(12, FRAMES - 13, 20).astype(np.int32))
            visible = {"visible_rows": [3, SIZE - 2], "visible_columns": [1, SIZE]}
            found = dict.fromkeys(OF_REGISTRATION, 0.0) | {"crispness_raw": 0.05, "crispness": 0.08}
            stores.write_attributes(store, found | visible)
        with stores.new_store(folder / f"rois-{plane}") as store:
            discs(CENTRES).write(store)
    registered = [folder / f"registered-{plane}" for plane in (0, 1)]
    assess_quality(folder / "session", registered, folder / "quality", QualitySettings())
    with stores.new_store(folder / "truth") as store:
        true = discs(CENTRES - (2, -1))
        both = Footprints.join([true, true])
        for name in ("indptr", "pixel", "weight"):
            stores.write_array(store, f"footprint_{name}", getattr(both, name))
        stores.write_array(store, "center_px", np.tile(CENTRES - (2, -1), (2, 1)).astype(float))
        stores.write_array(store, "plane", np.repeat([0, 1], 4))
        stores.write_array(store, "motion_px", motion)
        stores.write_array(store, "spike_time_s", frame / RATE_HZ, unit="s")
        stores.write_array(store, "spike_neuron", neuron.astype(np.int32))
        stores.write_attributes(store, {"height_px": SIZE, "width_px": SIZE, "soma_diameter_px": 2 * RADIUS})
    return folder


def write_responses(path, *, repeats):
    """A store of trial responses; ``repeats`` showings of each image."""
    rng = np.random.default_rng(1)
    n_images, n_neurons = 60, 25
    image = np.tile(np.arange(n_images), repeats).astype(np.int32)
    repeat = np.repeat(np.arange(repeats), n_images).astype(np.int16)
    split = np.repeat([0, 1, 2], [40, 5, 15]).astype(np.uint8)[image]
    tuned = rng.gamma(1, 2, (n_images, n_neurons))
    responses = (tuned[image] + rng.gamma(1, 2, (len(image), n_neurons))).astype(np.float32)
    trials = TrialResponses(
        responses=responses,
        image_index=image,
        repeat=repeat,
        onset_s=np.arange(len(image)) ** 1.5,  # showings are not all equally far apart
        split=split,
        images=rng.random((n_images, 16, 16), np.float32),
        category=(np.arange(n_images) % 3).astype(np.int16),
        category_names=("a", "b", "c"),
        degrees_per_pixel=2.5,
        **describe_neurons(responses, image, repeat, split),
    )
    with stores.new_store(path) as store:
        write_trials(store, trials)
        write_repeats(store, trials, pd.DataFrame({"neuron": np.arange(n_neurons)}))
    return path


def scores(rows):
    """A table of scores as the probes write it, from (decoder, seed, mode, pool, metric, value)."""
    names = ["decoder", "seed", "trial_mode", "pool_size", "metric", "value"]
    table = pd.DataFrame(rows, columns=names)
    interval = {"ci_low": table["value"] - 0.05, "ci_high": table["value"] + 0.05}
    return table.assign(split="test", n=20, chance=1 / table["pool_size"].clip(lower=1), **interval)


DECODERS = ("dina", "ridge", "convolutional")
SINGLE_AND_AVERAGED = ("single", "averaged")


def write_models(folder):
    """Two seeds of DINA."""
    for seed in (0, 1):
        with stores.new_store(folder / f"models/dina/seed-{seed}") as store:
            loss = 3 + 1 / (1 + np.arange(6)) + seed / 10
            columns = {"epoch": np.arange(6), "train_loss": [None, *loss[1:]], "validation_loss": loss}
            top1 = 0.4 - 0.05 / (1 + np.arange(6))
            history = pd.DataFrame(columns | {"validation_top1": top1, "is_best": np.arange(6) < 4})
            stores.write_table(store, "training", history)
    return [folder / f"models/dina/seed-{seed}" for seed in (0, 1)]


def write_probes(folder, *, categories=True, ceilings=True):
    """The three probes; identification with references and seeds, reconstruction with a baseline."""
    rng = np.random.default_rng(2)
    rows = [
        (name, seed, mode, pool, metric, value)
        for name, seed in [(name, -1) for name in (*DECODERS, "template", "ideal_observer")]
        + [("dina", 0), ("dina", 1)]
        for mode in SINGLE_AND_AVERAGED[: 1 if name == "template" else 2]
        for pool in (2, 20)
        for metric, value in (("top1", 1 / pool + 0.2), ("top5", 0.8), ("median_rank", 3.0))
    ]
    ratios = {"decoder": "dina", "over": "ridge", "trial_mode": "single", "ratio": 1.3, "ci_low": 1.1, "ci_high": 1.6}
    ratios |= {"p_holm": 0.2}
    with stores.new_store(folder / "identification") as store:
        stores.write_table(store, "scores", scores(rows))
        stores.write_table(store, "comparisons", pd.DataFrame([ratios]))
    names = ["ridge", "dina", "mean_image"]
    rows = [
        (name, -1, "averaged", 0, metric, 0.3)
        for name in names
        for metric in ("pixel_correlation", "field_correlation", "ssim")
    ]
    with stores.new_store(folder / "reconstruction") as store:
        stores.write_table(store, "scores", scores(rows))
        stores.write_array(store, "example_images", rng.random((4, 8, 8), np.float32))
        stores.write_array(store, "examples", rng.random((3, 4, 8, 8), np.float32))
        stores.write_attributes(store, {"decoders": names})
    rows = [(name, -1, "averaged", 3, "category_balanced_accuracy", 0.5) for name in ("dina", "pixels")]
    with stores.new_store(folder / "categories") as store:
        stores.write_table(store, "scores", scores(rows if categories else []))
    write_prediction(folder / "prediction", ceilings=ceilings)
    return [folder / name for name in ("identification", "reconstruction", "categories", "prediction")]


def write_prediction(path, *, ceilings):
    """Two encoding models of 40 neurons, half of them explainable; without ceilings all is empty."""
    rng = np.random.default_rng(5)
    variance = np.linspace(0, 0.6, 40)
    neurons = pd.DataFrame({"neuron": np.arange(40), "signal_variance": variance, "explainable": variance > 0.3})
    neurons = neurons.assign(ceiling_single=variance**0.5, ceiling_averaged=(2 * variance / (1 + variance)) ** 0.5)
    rows, predictions = [], []
    for name in ("encoding", "core_readout") if ceilings else ():
        share = rng.normal(0.6, 0.2, 40)
        of = {"neuron": np.arange(40), "decoder": name, "normalised_correlation": share, "feve": share**2}
        of |= {f"correlation_{mode}": share * neurons[f"ceiling_{mode}"] for mode in SINGLE_AND_AVERAGED}
        predictions.append(pd.DataFrame(of))
        rows += [(name, -1, mode, 0, "prediction_correlation", 0.4) for mode in SINGLE_AND_AVERAGED]
        rows += [(name, -1, "averaged", 0, "normalised_correlation", 0.6), (name, -1, "single", 0, "feve", 0.35)]
    rows += [("ceiling", -1, mode, 0, "prediction_correlation", 0.7) for mode in SINGLE_AND_AVERAGED] * bool(rows)
    with stores.new_store(path) as store:
        stores.write_table(store, "scores", scores(rows))
        stores.write_table(store, "neurons", neurons)
        empty = pd.DataFrame(columns=["neuron", "decoder"])
        stores.write_table(store, "predictions", pd.concat(predictions) if predictions else empty)
        stores.write_attributes(store, {"n_images": 15, "explainable_above": 0.15, "explainable_told_by": "train"})


ABLATED = [
    {"ablation": "none"},
    *({"ablation": kind, "cutoff": cutoff} for kind in ("low_pass", "high_pass") for cutoff in (0.1, 0.2)),
    {"ablation": "band_pass", "cutoff": 0.1, "upper": 0.2},
    {"ablation": "line_drawing"},
    {"ablation": "patch_shuffled", "grid": 4},
    {"ablation": "texture"},
]


def write_image_ablation(path, *, categories=True, textures=True):
    """Ablations of images, those in quick detail fitted anew; without categories, without textures."""
    rng = np.random.default_rng(6)
    empty = {"cutoff": None, "upper": None, "grid": None}
    conditions = [empty | of for of in ABLATED if textures or of["ablation"] != "texture"]
    rows, about = [], []
    for of in conditions:
        is_filter = of["cutoff"] is not None
        pools = ["textured"] * (textures and not is_filter) + ["test"] * (of["ablation"] != "texture")
        states = ["frozen", "retrained"] if of["ablation"] == "none" or of["cutoff"] == 0.2 else ["frozen"]
        for pool, state, mode in product(pools, states, SINGLE_AND_AVERAGED):
            rows.append(("dina", -1, mode, 20 if pool == "test" else 8, "top1", 0.3))
            about.append(of | {"pool": pool, "condition": state, "marked": of["cutoff"] == 0.2})
    verdict = {"effect": 0.4, "ci_low": 0.2, "ci_high": 0.6, "p": 0.0001, "n": 20, "cutoff_unit": "cycles/deg"}
    crossing = {"crossing": 0.12, "crossing_low": 0.11, "crossing_high": 0.14}
    verdicts = [verdict | crossing | {"question": "coarse or fine", "verdict": "coarse", "condition": "frozen"}]
    nowhere = dict.fromkeys(crossing, np.nan)
    verdicts += [verdicts[0] | nowhere | {"condition": "retrained", "p": 0.04}]
    verdicts += [verdict | nowhere | {"question": "shape or texture", "verdict": "undecided", "condition": "frozen"}]
    of_candidates = [
        {"candidates": name, "condition": state, "trial_mode": mode, "pool_size": 5.4, "chance": 0.2, "value": 0.7}
        for name in ("same", "other")
        for state in ("frozen", "retrained")
        for mode in SINGLE_AND_AVERAGED
    ]
    with stores.new_store(path) as store:
        columns = pd.DataFrame(about).astype(dict.fromkeys(empty, float))
        stores.write_table(store, "scores", pd.concat([scores(rows), columns], axis=1))
        table = pd.concat([pd.DataFrame(verdicts).assign(trial_mode=mode) for mode in SINGLE_AND_AVERAGED])
        stores.write_table(store, "verdicts", table)
        known = pd.DataFrame(of_candidates).assign(ci_low=0.6, ci_high=0.8)
        stores.write_table(store, "categories", known if categories else pd.DataFrame())
        stores.write_array(store, "examples", rng.random((len(conditions), 2, 8, 8), np.float32))
        stores.write_array(store, "occlusion", rng.random((3, 3), np.float32) / 10)
        stores.write_array(store, "occlusion_similarity", rng.random((3, 3), np.float32) / 10)
        attributes = {"conditions": conditions, "cutoff_unit": "cycles/deg", "occlusion_window": 0.25}
        stores.write_attributes(store, attributes)
    return path


def write_ablations(folder, *, ranked=True):
    """Ablated images, and curves over three shares of neurons; without a ranking only in random order."""
    write_image_ablation(folder / "images")
    shares, curves, needed = (0.1, 0.5, 1.0), [], []
    orders = ("strongest", "random", "response", "attribution", "central", "matched")
    asked = [(name, order, "mean") for order in orders[:2] for name in DECODERS]
    asked += [("dina", order, "mean") for order in orders[2:]]
    asked += [("dina", order, "retrained") for order in ("strongest", "attribution", "matched")]
    for name, order, removal in asked:
        if not ranked and order in ("strongest", "matched"):
            continue
        about = {"decoder": name, "order": order, "removal": removal}
        about |= {"trial_mode": "single", "pool_size": 20, "chance": 0.05}
        for share in shares:
            value = 0.6 * share**0.5
            interval = {"value": value, "ci_low": value - 0.1, "ci_high": value + 0.1}
            curves.append(about | interval | {"share": share, "metric": "top1"})
        found = (("neurons_for_50pct", 0.1), ("neurons_for_90pct", 0.5), ("neurons_for_equal_score", np.nan))
        for metric, value in found:
            needed.append(about | {"value": value, "ci_low": 0.1, "ci_high": np.nan, "metric": metric})
    noise = [
        {"test": test, "value": 0.02, "ci_low": -0.01, "ci_high": 0.05, "verdict": "no effect found"}
        for test in ("shuffled", "diagonal")
    ]
    checks = [
        {"condition": condition, "split": "test", "rms": 0.1, "independent_rms": 0.09}
        for condition in ("intact", "shuffled")
    ]
    with stores.new_store(folder / "neurons") as store:
        stores.write_table(store, "curves", pd.DataFrame(curves))
        stores.write_table(store, "needed", pd.DataFrame(needed))
        stores.write_table(store, "noise_correlations", pd.DataFrame(noise)[: 2 if ranked else 0])
        stores.write_table(store, "noise_checks", pd.DataFrame(checks))
        reason = "" if ranked else "0 train images are shown twice or more, and 10 are needed to shuffle repeats."
        stores.write_attributes(store, {"n_neurons": 30, "no_noise_correlations": reason})
    return [folder / "images", folder / "neurons"]


def write_attributions(
    folder, *, known=True, responsive=True, aligned=True, degrees_per_pixel=2.5, repeated=True, matches=True
):
    """Attribution to pixels, neurons and latents; ``known`` adds what only a simulation's truth tells."""
    rng = np.random.default_rng(4)
    latents = pd.DataFrame({"agreement": [0.9, 0.8, 0.7], "neurons_for_half": [4, 6, 5]})[: 3 if responsive else 0]
    with stores.new_store(folder / "pixels") as store:
        stores.write_array(store, "example_image", rng.random((3, 16, 16)))
        stores.write_array(store, "match_attribution", rng.normal(size=(len(METHODS), 3, 16, 16)))
        stores.write_array(store, "latent_saliency", rng.random((len(latents), 16, 16)))
        stores.write_table(store, "examples", pd.DataFrame({"similarity": [0.1, 0.2, 0.3]}))
        stores.write_table(store, "latents", latents)
        write_checks(store, (*METHODS, "edges"), ("deletion, random", "randomised"))
        verdict = pd.DataFrame({"method": [*METHODS, "edges"], "passed": [True, True, False, False]})
        stores.write_table(store, "verdicts", verdict)
        fall = [(name, layer, "rank", 0.4, 0.3, 0.5) for name in METHODS for layer in ("components", "mixing")]
        fall = pd.DataFrame(fall, columns=["method", "layer", "measure", "value", "ci_low", "ci_high"])
        stores.write_table(store, "cascade", fall)
        stores.write_attributes(store, {"methods": METHODS})
    n, methods = 12, ("dina", "linear_pixels", "linear_contrast")
    centre = rng.normal(0, 3, (n, 2))
    degrees = np.nan if degrees_per_pixel is None else degrees_per_pixel
    fields = pd.concat(
        [
            pd.DataFrame({"neuron": np.arange(n), "method": method, "x_px": centre[:, 0], "y_px": centre[:, 1]})
            for method in methods
        ]
    ).assign(signal_variance=np.tile(np.linspace(0, 0.6 if responsive else 0.05, n), len(methods)))
    if not repeated:
        fields["signal_variance"] = np.nan
    fields = fields.assign(x_deg=fields["x_px"] * degrees, y_deg=fields["y_px"] * degrees)
    agreement = pd.DataFrame(columns=["method", "axis", "r", "median_distance_deg", "n"])
    if known:
        fields = fields.assign(true_x_deg=fields["x_deg"] + 1, true_y_deg=fields["y_deg"] - 1)
        rows = [(method, axis, 0.7, 1.4, n) for method in methods for axis in "xy"]
        agreement = pd.DataFrame(rows, columns=agreement.columns)
    share = rng.random(n)
    examples = np.array([11, 7] if responsive else [], np.int32)
    with stores.new_store(folder / "neurons") as store:
        stores.write_array(store, "match_importance", share / share.sum() if matches else share - share.mean())
        stores.write_array(store, "field_energy", rng.random((n, 6, 6)))
        stores.write_array(store, "example_neuron", examples)
        for name in ("example_field", "example_linear_field", "example_true_field")[: 3 if known else 2]:
            stores.write_array(store, name, rng.normal(size=(len(examples), 16, 16)))
        stores.write_table(store, "latents", latents)
        stores.write_table(store, "receptive_fields", fields)
        stores.write_table(store, "agreement", agreement)
        write_checks(store, ("integrated_gradients", "reliability"), ("deletion, random",))
        stores.write_table(store, "interactions", some_pairs(rng)[: 3 if responsive else 0])
        stores.write_attributes(store, {"degrees_per_pixel": degrees_per_pixel, "min_signal_variance": 0.1})
    about = {"responsive": responsive, "aligned": aligned, "degrees_per_pixel": degrees_per_pixel}
    write_latent_maps(folder / "latents", **about, reliability=np.linspace(0, 0.8, 12) if repeated else np.ones(12))
    return [folder / "pixels", folder / "neurons", folder / "latents"]


def write_latent_maps(output, *, responsive, aligned, degrees_per_pixel, reliability):
    """Sets of three latents in two targets; a 4 × 4 grid with two aligned regions, or none."""
    rows = [
        # target, unit, neurons, reached, gain, significant
        ("neural", 1, 4, True, 0.03, True),
        ("neural", 2, 9, True, -0.01, False),
        ("neural", 3, 11, True, -0.02, False),
        ("image", 1, 2, True, -0.01, False),
        ("image", 2, 12, False, 0.0, False),
        ("image", 3, 0, False, np.nan, False),
    ]
    latents = pd.DataFrame(rows, columns=["target", "unit", "n_members", "reached", "gain", "pairwise"])
    latents = latents.assign(r2_all=0.8, r2_random=0.1, gain_chance=-0.01).iloc[: len(rows) if responsive else 0]
    latents = latents.assign(gain_low=latents["gain"] - 0.01, gain_high=latents["gain"] + 0.01)
    paths = latents.loc[latents.index.repeat(12), ["target", "unit"]].reset_index(drop=True)
    paths["n_neurons"] = np.tile(np.arange(1, 13), len(latents))
    members = latents.loc[latents.index.repeat(latents["n_members"]), ["target", "unit"]].assign(reliability=0.6)
    taken = np.zeros((4, 4), int)
    if aligned:
        taken[0, 0], taken[2:, 2:] = 1, 2
    deg = np.nan if degrees_per_pixel is None else degrees_per_pixel
    distances = pd.DataFrame({"rule": ["aligned", "upper_half"], "distance_px": [8.0, 6.0]}).iloc[: 2 * aligned]
    distances = distances.assign(distance_deg=distances["distance_px"] * deg)
    counts = pd.DataFrame({"rule": ["aligned", "upper_half", "half_of_match"]})
    counts = counts.assign(n_places=[5 * aligned, 4, 4], n_regions=[2 * aligned, 2, 1], chance_low=0.0, chance_high=3.0)
    places = pd.DataFrame({"r": np.linspace(-0.1, 0.6, 16), "match": 0.025, "aligned": taken.ravel()})
    places = places.assign(upper_half=taken.ravel(), half_of_match=taken.ravel() // 2)
    with stores.new_store(output) as store:
        stores.write_array(store, "shuffled_r", np.random.default_rng(5).normal(0, 0.05, (20, 4, 4)))
        stores.write_array(store, "example_image", np.random.default_rng(5).random((16, 16)))
        stores.write_table(store, "latents", latents)
        stores.write_table(store, "paths", paths.assign(r2=1 - 1 / paths["n_neurons"]))
        stores.write_table(store, "members", members)
        stores.write_table(store, "reliability", pd.DataFrame({"reliability": reliability}))
        stores.write_table(store, "summary", summarise(latents, LatentMapSettings(most_neurons=12, n_bootstrap=100)))
        stores.write_table(store, "alignment", places)
        stores.write_table(store, "distances", distances)
        stores.write_table(store, "region_counts", counts)
        stores.write_attributes(store, {"most_neurons": 12, "claimed_neurons": 10, "share_of_all": 0.9})


def write_checks(store, methods, checks):
    """The tables of faithfulness: the last method fails."""
    rows = [(name, check, 0.1, 0.5, name != methods[-1]) for name in methods for check in checks]
    faithfulness = pd.DataFrame(rows, columns=["method", "check", "value", "reference", "passed"])
    stores.write_table(store, "faithfulness", faithfulness)
    kinds = [(name, kind) for name in (*methods, "random") for kind in ("deletion", "insertion")]
    curves = pd.DataFrame([(*of, share, share) for of in kinds for share in (0.0, 0.5, 1.0)])
    curves = curves.set_axis(["method", "kind", "share", "value"], axis=1)
    stores.write_table(store, "deletion_curves", curves.assign(ci_low=curves["value"], ci_high=curves["value"]))


def some_pairs(rng):
    """Interactions of three neurons in one latent, one of them significant."""
    pairs = pd.DataFrame({"latent": 0, "neuron_i": [1, 1, 4], "neuron_j": [4, 9, 9], "strength": [0.3, -0.1, 0.0]})
    pairs = pairs.assign(null_mean=0.2, null_low=0.1, null_high=0.3, significant=[True, False, False])
    return pairs.assign(signal_correlation=rng.random(3), noise_correlation=np.nan)


def drawn_twice(draw, folder):
    """File name → bytes, after making sure that a second drawing gives the same."""
    first, second = (
        {path.name: path.read_bytes() for path in sorted(into.iterdir())}
        for into in (folder / "one", folder / "two")
        if draw(into) is None
    )
    assert first == second
    return first
