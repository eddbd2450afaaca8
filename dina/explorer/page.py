"""The explorer: one self-contained page per recording, on which latents, neurons and images can be chosen."""

from __future__ import annotations

import json
from importlib.resources import files
from pathlib import Path

from dina.explorer.content import content
from dina.writing import replacing


def write_explorer(
    recording: str,
    responses: Path,
    session: Path | None,
    pixels: Path,
    neurons: Path,
    latents: Path,
    reconstruction: Path,
    output: Path,
    *,
    simulated: bool,
) -> None:
    """Write the page, with the plotting library (plotly.js, 5 MB) and all data inside, so that it opens offline.

    Parameters
    ----------
    recording : its name
    responses, session, pixels, neurons, latents, reconstruction : stores, see :func:`dina.explorer.content.content`
    output : the page
    simulated : whether the recording is; the page says so
    """
    from jinja2 import Environment, StrictUndefined
    from plotly.offline import get_plotlyjs

    template, script = (
        files("dina.explorer").joinpath(name).read_text(encoding="utf-8") for name in ("page.html.jinja", "page.js")
    )
    data = content(responses, session, pixels, neurons, latents, reconstruction)
    environment = Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True, undefined=StrictUndefined)
    text = environment.from_string(template).render(
        recording=recording,
        simulated=simulated,
        closed_set=data["closed_set"],
        places=data["places"],
        data=json.dumps(data, allow_nan=False, separators=(",", ":")),
        script=script,
        plotly=get_plotlyjs(),
    )
    with replacing(output) as partial:
        partial.write_text(text, encoding="utf-8")
