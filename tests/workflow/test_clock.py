"""A clock that was wrong: results from the future, or older than the files that they were made from."""

import os
import re
import time

DAY_S = 86400
QUALITY = ("--until", "assess_quality", "--", "results/tiny/quality.json")


def shift(folder, by_s):
    """As if everything there had been written under another clock."""
    for path in folder.rglob("*"):
        then = path.stat().st_mtime + by_s
        os.utime(path, (then, then))


def test_results_from_the_future_are_told_and_can_be_brought_to_the_present(road):
    digests = road.digests()
    shift(road.results, DAY_S)
    assert "Nothing to be done" in road.snakemake("all", "-n").stdout
    stopped = road.snakemake("--forcerun", "assess_quality", *QUALITY, check=False)
    assert stopped.returncode == 1 and "clock skew" in stopped.stdout + stopped.stderr
    for path in road.results.rglob("*"):  # what docs/reliability.md says
        if path.stat().st_mtime > time.time():
            os.utime(path)
    road.snakemake(*QUALITY)
    assert road.digests() == digests
    planned = road.snakemake("all", "-n", "--quiet", "rules").stdout
    assert set(re.findall(r"^(\w+) +\d+$", planned, re.MULTILINE)) <= {"all", "report", "total"}


def test_results_older_than_the_users_files_are_made_anew_never_stale(road):
    shift(road.results, -7 * DAY_S)
    planned = road.snakemake("results/mouse/session.json", "-n", "--quiet", "rules").stdout
    assert re.search(r"register_plane +2", planned)
