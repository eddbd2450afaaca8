"""How far ablation and attribution go: all of it, on the tiny road."""

import pytest

from dina import stores

STAGES = (
    "ablations/images",
    "ablations/neurons",
    "attributions/pixels",
    "attributions/neurons",
    "attributions/latents",
)


@pytest.mark.slow
def test_full_detail_fits_anew_to_every_change_and_textures_every_image(road):
    quick = stores.read_attributes(road.results / "tiny/ablations/images")
    road.configure(detail="full", ablation={"textures": {"n_steps": 10}})
    road.snakemake(*(f"results/tiny/{stage}.json" for stage in STAGES))
    about = stores.read_attributes(road.results / "tiny/ablations/images")
    assert (quick["detail"], about["detail"]) == ("quick", "full")
    scores = stores.read_table(road.results / "tiny/ablations/images", "scores").query("trial_mode == 'single'")
    columns = ["ablation", "cutoff", "upper", "grid"]
    anew, frozen = (
        set(map(tuple, scores.loc[scores["condition"] == name, columns].fillna(0).to_numpy()))
        for name in ("retrained", "frozen")
    )
    assert anew == frozen and ("texture", 0, 0, 0) in {(of[0], *of[1:]) for of in anew}
    verdicts = stores.read_table(road.results / "tiny/ablations/images", "verdicts")
    assert set(verdicts.query("question == 'shape or texture'")["condition"]) == {"frozen", "retrained"}
    textured = stores.read_table(road.results / "tiny/ablations/images", "scores").query("ablation == 'texture'")
    assert set(textured["pool"]) == {"test", "textured"}  # every test image has a texture
    interactions = stores.read_table(road.results / "tiny/attributions/neurons", "interactions")
    assert interactions["latent"].nunique() > 3
