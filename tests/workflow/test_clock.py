"""A clock that was set back or forward: results from the future, or from long ago, are results."""

import os
import time

import pytest

DAY_S = 86400


@pytest.mark.parametrize("days", [1, -7000])
def test_a_clock_that_was_wrong_wakes_nothing(road, days):
    """Also once a stage has been run again under the right clock, with the same outcome."""
    then = time.time() + days * DAY_S
    for path in sorted(road.results.rglob("*")):
        age_s = time.time() - path.stat().st_mtime
        os.utime(path, (then - age_s, then - age_s))
    assert "Nothing to be done" in road.snakemake("all", "-n").stdout
    digests = road.digests()
    road.snakemake("--forcerun", "assess_quality", "--until", "assess_quality", "--", "results/tiny/quality.json")
    assert road.digests() == digests
    assert "Nothing to be done" in road.snakemake("all", "-n").stdout
