"""Stimuli and trial responses."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from dina.settings.section import (
    Section,
    Span,
)


class StimuliSettings(Section):
    """What was shown, and which images train, validate and test."""

    image_size_px: Annotated[int, Field(ge=8, le=256)] = Field(
        64, description="Images are reduced to this height and width for analysis, pixels."
    )
    validation_share: Annotated[float, Field(gt=0, lt=0.5)] = Field(
        0.1,
        description="Share of images (cycles: of each image's showings) for validation, where the log has no split.",
    )
    test_share: Annotated[float, Field(gt=0, lt=0.5)] = Field(
        0.1,
        description="Share of images (cycles: of each image's showings) for the test, where the log has no split; "
        "images shown several times are preferred, but a third of those shown twice stay in training.",
    )
    split_by: Literal["images", "categories", "time_blocks", "cycles"] = Field(
        "images",
        description="What is held out where the log has no split: images; whole categories; or the images of the "
        "recording's end, of which no earlier showing is used, nor anything close to the border (slow drift and "
        "behaviour then tell nothing). For a closed set, few images shown often, cycles: the last showings of every "
        "image, so that scores tell known images apart and say nothing of unseen ones.",
    )
    allow_near_duplicates: bool = Field(
        False,
        description="Go on where the split has near-duplicates or overlapping crops of one photograph on two sides, "
        "which flatters every score.",
    )
    split_seed: Annotated[int, Field(ge=0)] = Field(0, description="Seed of the split, where the log has none.")


class ResponsesSettings(Section):
    """From activity to one number per trial and neuron."""

    measure: Literal["deconvolved", "dff", "both"] = Field(
        "deconvolved",
        description="Response: the sum of deconvolved activity in the window, or the mean dF/F there (decays are slow: "
        "set baseline_s). With both, decoders use deconvolved activity and dF/F stands beside it as `responses_dff`.",
    )
    window_s: Span = Field((0.0, 0.5), description="Response window relative to image onset, seconds.")
    n_bins: Annotated[int, Field(ge=1, le=100)] = Field(
        1,
        description="Equal bins into which the response window is cut, none shorter than a frame. With more than one, "
        "the response is a weighted sum of bins, the weights fitted to each neuron's training repeats, and images are "
        "identified from each bin alone and from the bins so far (probe and figure `time-course`).",
    )
    baseline_s: Span | None = Field(
        None,
        description="Baseline window subtracted from the response, relative to onset, seconds; null subtracts none.",
    )
    stabilise: bool = Field(
        True,
        description="Decoders read the square root of responses, in units of a neuron's noise variance over its mean "
        "(Anscombe 1948), so that noise does not grow with the response; never where a response is negative.",
    )
    lag_s: float | None = Field(
        None,
        description="Delay of activity behind the spikes, seconds: it moves both windows; null takes that of the "
        "deconvolution, which is the indicator's preset for oasis and 0 for network and average.",
    )
