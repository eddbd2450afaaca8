"""The page to walk about in: what it holds, and, in headless Chromium, that it loads and answers clicks."""

import json
import re
import shutil
import subprocess
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from dina import stores
from dina.explorer.content import content, packed
from dina.explorer.page import write_explorer
from dina.recordings.trials import TEST, write_trials

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
N_LATENTS, N_DECIDING, SIZE = 3, 5, 8
STORES = ("responses", "session", "pixels", "neurons", "latents", "reconstruction")


@pytest.fixture(scope="module")
def recording(gabor_trials, tmp_path_factory):
    """The stores that the page is made of, filled with what can be recognised."""
    folder, rng = tmp_path_factory.mktemp("recording"), np.random.default_rng(0)
    n, ids = gabor_trials.n_neurons, gabor_trials.image_ids(TEST)
    with stores.new_store(folder / "responses") as store:
        write_trials(store, gabor_trials)
        about = {
            "neuron": np.arange(n),
            "plane": np.arange(n) % 2,
            "roi": np.arange(n) // 2,
            "x_px": rng.random(n) * 40,
            "y_px": rng.random(n) * 30,
        }
        about |= {"reliability": gabor_trials.reliability, "signal_variance": np.full(n, np.nan)}
        stores.write_table(store, "neurons", pd.DataFrame(about))
    with stores.new_store(folder / "session") as store:
        stores.write_array(store, "mean_image", rng.random((2, 30, 40)).astype(np.float32))
        stores.write_attributes(store, {"planes": [0, 1]})
    with stores.new_store(folder / "pixels") as store:
        stores.write_array(store, "latent_saliency", rng.random((N_LATENTS, 32, 32)).astype(np.float32))
    with stores.new_store(folder / "neurons") as store:
        latents = {"unit": [30, 10, 20], "channel": [3, 1, 2], "row": 0, "column": 1, "agreement": [0.9, 0.8, 0.7]}
        stores.write_table(store, "latents", pd.DataFrame(latents))
        shares = rng.dirichlet(np.full(n, 0.2), N_LATENTS).astype(np.float32)
        stores.write_array(store, "latent_importance", shares)
        stores.write_array(store, "match_importance", shares[0])
        stores.write_array(store, "field_energy", rng.random((n, 12, 12)).astype(np.float32))
        fields = {"neuron": np.arange(n), "method": "dina", "x_px": rng.normal(size=n), "y_px": np.nan}
        stores.write_table(store, "receptive_fields", pd.DataFrame(fields))
        candidates = np.stack([np.roll(ids, -k) for k in range(4)], 1).astype(np.int32)
        rank = np.arange(len(ids)) % 2
        stores.write_table(store, "images", pd.DataFrame({"image": ids, "rank": rank, "rival": np.roll(ids, 1)}))
        stores.write_array(store, "candidate", candidates)
        stores.write_array(store, "candidate_similarity", rng.random(candidates.shape).astype(np.float32))
        stores.write_array(store, "deciding_neuron", rng.integers(n, size=(len(ids), N_DECIDING)).astype(np.int32))
        stores.write_array(store, "deciding_part", rng.normal(size=(len(ids), N_DECIDING)).astype(np.float32) / 10)
        pairs = {
            "latent": 0,
            "neuron_i": [4, 4, 9],
            "neuron_j": [9, 12, 12],
            "strength": [0.2, -0.1, 0.01],
            "null_mean": [0.5, 0.0, 0.0],
        }
        pairs |= {"q": [0.01, 0.3, np.nan], "significant": [True, False, False]}
        pairs |= {"signal_correlation": 0.1, "noise_correlation": np.nan}
        stores.write_table(store, "interactions", pd.DataFrame(pairs))
    with stores.new_store(folder / "latents") as store:
        rebuilt = {
            "target": ["neural", "neural", "image"],
            "unit": [30, 10, 30],
            "r2_set": [0.9, 0.8, 0.1],
            "r2_all": 1.0,
        }
        stores.write_table(store, "latents", pd.DataFrame(rebuilt))
        members = {"target": ["neural", "neural", "image"], "unit": 30, "order": [0, 1, 0], "neuron": [4, 9, 50]}
        stores.write_table(store, "members", pd.DataFrame(members))
    with stores.new_store(folder / "reconstruction") as store:
        stores.write_array(store, "dina_pictures", rng.random((len(ids), SIZE, SIZE)).astype(np.float32))
    return folder


@pytest.fixture(scope="module")
def page(recording):
    path = recording / "explorer.html"
    write_explorer("mouse", *(recording / name for name in STORES), path, simulated=True)
    return path


def test_what_the_page_holds_is_what_the_stores_hold(recording, gabor_trials):
    held = content(*(recording / name for name in STORES))
    importance = stores.read_array(recording / "neurons", "latent_importance")
    latent = held["latents"][1]
    assert (latent["channel"], latent["agreement"]) == (1, 0.8)
    assert latent["neurons"][0] == importance[1].argmax()
    assert latent["shares"] == sorted(latent["shares"], reverse=True)
    assert (held["latents"][0]["members"], held["latents"][0]["r2_members"]) == ([4, 9], 0.9)
    assert latent["members"] == [] and latent["pairs"] is None
    assert held["latents"][0]["pairs"]["q"] == [0.01, 0.3, None]
    assert held["latents"][0]["pairs"]["strength"] == [-0.3, -0.1, 0.01]  # beyond the surrogates' mean
    ids = gabor_trials.image_ids(TEST)
    assert [of["image"] for of in held["images"]] == ids.tolist()
    assert {c for of in held["images"] for c in of["candidates"]} <= set(held["pictures"])
    assert held["neurons"]["signal_variance"] == [None] * gabor_trials.n_neurons  # no number is null, not NaN
    assert len(held["planes"]) == 2 and held["field"]["positions"] == 12
    json.dumps(held, allow_nan=False)


@pytest.mark.parametrize("placed", [True, False])
def test_neurons_of_imported_responses_lie_as_their_table_says_or_in_its_order(recording, tmp_path, placed):
    shutil.copytree(recording / "responses", tmp_path / "responses")
    table = stores.read_table(tmp_path / "responses", "neurons").drop(columns=["x_px", "y_px"])
    number = np.arange(len(table))
    if placed:
        table = table.assign(x_um=-40 + 10.0 * number, y_um=5.0 * (number % 7))
    stores.write_table(tmp_path / "responses", "neurons", table)
    held = content(tmp_path / "responses", None, *(recording / name for name in STORES[2:]))
    assert ("where their table has them" if placed else "in the order of the data") in held["places"]
    assert [plane["plane"] for plane in held["planes"]] == sorted(set(table["plane"]))
    plane, x, y = held["planes"][0], held["neurons"]["x_px"], held["neurons"]["y_px"]
    assert 0 == min(x) == min(y) and max(x) <= plane["width_px"] <= 512 and max(y) <= plane["height_px"] <= 512
    assert len(set(zip(x, y, strict=True))) == len(number)
    assert not placed or np.allclose(np.diff(x), np.diff(x)[0], rtol=0.05)


def test_maps_are_packed_as_shares_of_their_maximum():
    import base64

    assert list(base64.b64decode(packed(np.array([[0.0, 1.0], [2.0, 4.0]])))) == [0, 64, 128, 255]
    assert list(base64.b64decode(packed(np.zeros((1, 2))))) == [0, 0]


def test_it_opens_offline_and_is_written_whole(page):
    text = page.read_text()
    own = re.sub(r"<script>/\*\*.*?</script>", "", text, count=1, flags=re.DOTALL)  # without the plotting library
    assert not re.search(r'(src|href)="(https?:)?//', own)
    assert "simulated data" in text and not page.with_name(".explorer.partial.html").exists()


def test_a_closed_set_is_not_called_unseen(recording, gabor_trials, tmp_path):
    split = gabor_trials.split.copy()
    shown = gabor_trials.image_index[split == TEST]
    split[np.flatnonzero(split == TEST)[:1]] = 0  # a showing of a test image is trained on
    assert np.isin(shown[:1], shown[1:]).any()
    with stores.new_store(tmp_path / "responses") as store:
        write_trials(store, replace(gabor_trials, split=split))
        stores.write_table(store, "neurons", stores.read_table(recording / "responses", "neurons"))
    others = [recording / name for name in STORES[1:]]
    write_explorer("mouse", tmp_path / "responses", *others, tmp_path / "page.html", simulated=False)
    text = (tmp_path / "page.html").read_text()
    assert "Known images" in text and "Unseen in training" not in text


@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium")
def test_it_loads_without_errors_and_answers_clicks(page, tmp_path):
    watch = "<script>window.errors = []; addEventListener('error', (event) => errors.push(event.message));</script>"
    clicks = """<script>
      document.querySelectorAll("#latents button")[2].click();
      document.querySelectorAll("#images button")[1].click();
      const plane = document.getElementById("plane");
      const wait = setInterval(() => {
        if (!plane.dataset.listens) return;
        clearInterval(wait);
        plane.emit("plotly_click", { points: [{ customdata: 7 }] });
        document.body.dataset.errors = JSON.stringify(errors);
      }, 20);
    </script>"""
    driven = tmp_path / "driven.html"
    text = page.read_text().replace("<head>", "<head>" + watch, 1)
    driven.write_text(text[: text.rindex("</body>")] + clicks + "</body></html>")
    command = [CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={tmp_path / 'profile'}"]
    command += ["--virtual-time-budget=8000", "--dump-dom", driven.as_uri()]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    body = re.search(r"<body[^>]*>", done.stdout)[0]
    assert 'data-errors="[]"' in body and 'data-ready="yes"' in body
    assert re.search(r'id="about-latent">Latent 3 of 3: channel 2', done.stdout)
    assert "No few neurons rebuild it." in done.stdout and "not tested: of the latents" in done.stdout
    assert "Taken for another: 1 other test image matches" in done.stdout
    assert re.search(r'id="field-title">Receptive field of neuron 7 \(plane 1, ROI 3\):', done.stdout)
    assert done.stdout.count('class="main-svg"') >= 2 * 7  # seven plots were drawn
