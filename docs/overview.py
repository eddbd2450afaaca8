"""The README's picture, from a finished run of the embedded default: ``python docs/overview.py``."""

from __future__ import annotations

from pathlib import Path

from matplotlib.figure import Figure

from dina import stores
from dina.figures.identification import draw_pool_curves
from dina.figures.looks import LOOKS, SKY, in_order
from dina.figures.planes import draw_outlines, draw_plane
from dina.figures.reconstruction import draw_pictures, match_contrast
from dina.figures.rois import ACCEPTED
from dina.figures.style import PAGE_WIDTH_IN, PNG_DPI, house_style
from dina.imaging.rois import Footprints
from dina.probing.statistics import MEAN_OVER_SEEDS

RECORDING = Path("results/simulated")
CONTROLS = ("dina_untrained", "dina_shuffled")
PAINTERS = ("dina", "convolutional")


def main() -> None:
    """Draw what was seen, how well it is told, and what is made of it."""
    with house_style():
        figure = Figure(figsize=(PAGE_WIDTH_IN, 4.9), layout="constrained")
        above, below = figure.subfigures(2, 1, height_ratios=(2.9, 2.0))
        plane, pools = above.subplots(1, 2, width_ratios=(1, 1.05))
        _draw_plane(plane)
        scores = stores.read_table(RECORDING / "probes/identification", "scores")
        wanted = (scores["seed"] == MEAN_OVER_SEEDS) & (scores["metric"] == "top1") & (scores["trial_mode"] == "single")
        draw_pool_curves(pools, scores[wanted & ~scores["decoder"].isin(CONTROLS)])
        pools.set(xlabel="unseen images in the pool", ylabel="top-1 from one trial: share ranked first")
        above.legend(*pools.get_legend_handles_labels(), loc="outside right center")
        reconstruction = RECORDING / "probes/reconstruction"
        names = stores.read_attributes(reconstruction)["decoders"]
        true, pictures = (stores.read_array(reconstruction, name) for name in ("example_images", "examples"))
        grid = below.add_gridspec(1 + len(PAINTERS), len(true))
        draw_pictures(below, grid, 0, "true image", true)
        for row, name in enumerate(in_order(PAINTERS), start=1):
            draw_pictures(below, grid, row, LOOKS[name].short, match_contrast(pictures[names.index(name)], true))
        figure.savefig(Path(__file__).with_name("overview.png"), dpi=PNG_DPI, metadata={"Software": None})


def _draw_plane(axes) -> None:
    table = stores.read_table(RECORDING / "session", "rois")
    here = table[table["plane"] == 0]
    images = stores.read_array(RECORDING / "session", "mean_image")
    footprints, width = Footprints.read(RECORDING / "plane-0/rois"), images.shape[2]
    draw_plane(axes, images[0], RECORDING / "plane-0/registered")
    for accepted, colour in ((False, SKY), (True, ACCEPTED)):
        of = here[(here["rejected"] == "") == accepted]
        draw_outlines(axes, footprints.subset(of["roi"]), width, colour, linewidth=0.7 if accepted else 0.3)
    axes.set_title(f"plane 0: {(here['rejected'] == '').sum()} of {len(here)} ROIs accepted")


if __name__ == "__main__":
    main()
