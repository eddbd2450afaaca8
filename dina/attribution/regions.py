"""Connected regions of a map over the grid: how many, where, how far apart, and how many chance makes."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy.ndimage import label
from scipy.spatial.distance import cdist

from dina.attribution.alignment import Alignment
from dina.probing.statistics import LEVEL, adjusted

ALIGNED, UPPER_HALF, HALF_OF_MATCH = "aligned", "upper_half", "half_of_match"
HALF = 0.5  # of the maximum, and of the match


def places_by_rule(alignment: Alignment, level: float) -> dict[str, np.ndarray]:
    """Rule → (grid, grid) whether a place is taken.

    ``aligned``: agrees beyond chance, the rate of false discoveries at most ``level``; where the whole map does, that
    is one region. ``upper_half``: agrees at least half as well as the best place. ``half_of_match``: the fewest places
    that hold half of the match. The last two are of any map, significant or not, and noise alone breaks them up: read
    them beside those of shuffles.
    """
    strong, matching = upper_half(alignment.r), half_of_match(alignment.match)
    return {ALIGNED: alignment.q <= level, UPPER_HALF: strong, HALF_OF_MATCH: matching}


def shuffled_places(alignment: Alignment, level: float) -> dict[str, np.ndarray]:
    """Rule → (shuffles, grid, grid): what the same rules take of each shuffle, judged among the other shuffles."""
    shuffled = alignment.shuffled
    n = len(shuffled)
    # How many of all shuffles agree at least as well at the place, itself counted: 1 of n is the least p.
    beaten = np.sort(shuffled, axis=0)
    places = np.ndindex(shuffled.shape[1:])
    p = np.empty(shuffled.shape)
    for place in places:
        at = (slice(None), *place)
        p[at] = (n - np.searchsorted(beaten[at], shuffled[at], side="left")) / n
    return {
        ALIGNED: np.stack([adjusted(of) <= level for of in p]),
        UPPER_HALF: np.stack([upper_half(of) for of in shuffled]),
        HALF_OF_MATCH: np.stack([half_of_match(of) for of in alignment.shuffled_match]),
    }


def upper_half(r: np.ndarray) -> np.ndarray:
    """(grid, grid) whether a place has at least half of the map's maximum; none of a map that is nowhere above 0."""
    return (r >= HALF * r.max()) & (r > 0)


def half_of_match(match: np.ndarray) -> np.ndarray:
    """(grid, grid) whether a place is among the fewest that add up to half of the match, those below 0 not counted."""
    strongest = np.argsort(-match, axis=None, kind="stable")
    held = np.cumsum(np.maximum(match.ravel()[strongest], 0))
    taken = np.zeros(match.size, bool)
    if held[-1] > 0:
        taken[strongest[: 1 + int(np.argmax(held >= HALF * held[-1]))]] = True
    return taken.reshape(match.shape)


def regions_of(taken: np.ndarray) -> tuple[np.ndarray, int]:
    """(grid, grid) region of each place from 1 on, 0 outside, and their number; places sharing a side are connected."""
    regions, n = label(taken)  # SciPy's default structure: four neighbours
    return regions, int(n)


def region_table(
    alignment: Alignment, taken: dict[str, np.ndarray], image_shape: tuple[int, int], degrees_per_pixel: float | None
) -> pd.DataFrame:
    """One row a rule and region, the largest first.

    Returns
    -------
    Table with columns rule, region (as :func:`regions_of` numbers it), n_places, r (mean agreement), match (sum), row
    and column (centroid on the grid, from 0), x_px and y_px (the same in the image, to the right of and below its
    centre), x_deg and y_deg (NaN where unknown).
    """
    rows = []
    for rule, places in taken.items():
        regions, n = regions_of(places)
        for region in range(1, n + 1):
            inside = regions == region
            row, column = np.argwhere(inside).mean(0)
            about = {"rule": rule, "region": region, "n_places": int(inside.sum())}
            measured = {"r": alignment.r[inside].mean(), "match": alignment.match[inside].sum()}
            rows.append(about | measured | {"row": row, "column": column})
    columns = ["rule", "region", "n_places", "r", "match", "row", "column"]
    table = pd.DataFrame(rows, columns=columns).sort_values(
        ["rule", "n_places"], ascending=[True, False], kind="stable"
    )
    position = in_image(table[["row", "column"]].to_numpy(float), alignment.r.shape, image_shape)
    deg = np.nan if degrees_per_pixel is None else degrees_per_pixel
    x, y = position.T
    return table.assign(x_px=x, y_px=y, x_deg=x * deg, y_deg=y * deg).reset_index(drop=True)


def in_image(places: np.ndarray, grid: tuple[int, int], image_shape: tuple[int, int]) -> np.ndarray:
    """(n, 2) x to the right of and y below the image's centre, pixels, of (n, 2) rows and columns of the grid."""
    size = np.array(image_shape, float)
    y, x = (((places + 0.5) / np.array(grid) - 0.5) * size).T
    return np.stack([x, y], 1)


def distance_table(regions: pd.DataFrame) -> pd.DataFrame:
    """One row a pair of regions of one rule: first, second, distance_px and distance_deg between centroids."""
    tables = []
    for rule, of in regions.groupby("rule", sort=True):
        first, second = np.triu_indices(len(of), 1)
        numbers, centres = of["region"].to_numpy(), of[["x_px", "y_px"]].to_numpy()
        px = cdist(centres, centres)[first, second]
        degrees = of[["x_deg", "y_deg"]].to_numpy()
        deg = np.linalg.norm(degrees[first] - degrees[second], axis=1)
        columns = {"first": numbers[first], "second": numbers[second], "distance_px": px, "distance_deg": deg}
        tables.append(pd.DataFrame({"rule": rule} | columns))
    columns = ["rule", "first", "second", "distance_px", "distance_deg"]
    return pd.concat(tables, ignore_index=True) if tables else pd.DataFrame(columns=columns)


def count_table(taken: dict[str, np.ndarray], shuffled: dict[str, np.ndarray]) -> pd.DataFrame:
    """How many regions, and how many the same rule makes of shuffled pairs.

    Returns
    -------
    Table with columns rule, n_places, n_regions, chance_places and chance_regions (means over shuffles), chance_low and
    chance_high (of regions: 95 % of shuffles lie between), pool_size (places).
    """
    rows = []
    for rule, places in taken.items():
        counts = np.array([regions_of(of)[1] for of in shuffled[rule]])
        low, high = np.quantile(counts, ((1 - LEVEL) / 2, (1 + LEVEL) / 2))
        rows.append(
            {
                "rule": rule,
                "n_places": int(places.sum()),
                "n_regions": regions_of(places)[1],
                "chance_places": shuffled[rule].sum((1, 2)).mean(),
                "chance_regions": counts.mean(),
                "chance_low": low,
                "chance_high": high,
                "pool_size": places.size,
            }
        )
    return pd.DataFrame(rows)
