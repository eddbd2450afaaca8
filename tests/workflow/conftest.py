"""One tiny road, run once for all tests; each test works on a copy."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
TINY = yaml.safe_load((Path(__file__).parent / "tiny.yaml").read_text())
SHEET = (
    "recording\tsource\tmovie\tvolume_rate_hz\tpixel_size_um\tcell_diameter_um\tindicator\tn_planes\n"
    "tiny\tsimulated\n"
    "mouse\tmovie\t../movies/plane-{plane}_*.tif\t5\t2\t14\tGCaMP6f\t2\n"
)
KEEP_SCRIPTS = "--skip-script-cleanup"  # with them, test_kills.py runs single jobs again without Snakemake


class Road:
    """A working folder with its own configuration and results."""

    def __init__(self, folder):
        self.folder = folder
        self.results = folder / "results"
        own = folder / "Snakefile"
        self.command = [sys.executable, "-m", "snakemake", "--cores", "2"]
        self.command += ["--snakefile", str(own if own.is_file() else ROOT / "Snakefile")]
        self.environment = os.environ | {"PYTHONPATH": str(own.parent if own.is_file() else ROOT)}

    def snakemake(self, *arguments, check=True, **options):
        done = subprocess.run(
            [*self.command, *arguments],
            cwd=self.folder,
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
            **options,
        )
        assert not check or done.returncode == 0, done.stdout + done.stderr
        return done

    def configure(self, **changes):
        path = self.folder / "config/config.yaml"
        values = yaml.safe_load(path.read_text())
        for key, value in changes.items():
            values[key] = values.get(key, {}) | value if isinstance(value, dict) else value
        path.write_text(yaml.safe_dump(values))

    def stamps(self):
        """When each store was written last, by its name under results."""
        return {
            path.parent.relative_to(self.results).as_posix(): path.stat().st_mtime_ns
            for path in self.results.rglob("provenance.json")
        }

    def digests(self):
        """The text of every manifest."""
        paths = (path for path in self.results.rglob("*.json") if path.with_suffix("").is_dir())
        return {path.relative_to(self.results).as_posix(): path.read_text() for path in paths}

    def written_since(self, stamps):
        """Stores written since ``stamps`` were taken."""
        return {name for name, time in self.stamps().items() if stamps.get(name) != time}


@pytest.fixture(scope="session")
def finished(tmp_path_factory):
    folder = tmp_path_factory.mktemp("road")
    (folder / "config").mkdir()
    (folder / "config/config.yaml").write_text(yaml.safe_dump(TINY))
    (folder / "config/recordings.tsv").write_text(SHEET.splitlines()[0] + "\ntiny\tsimulated\n")
    for part in ("dina", "workflow", "envs", "profiles"):  # a checkout of its own: its code can be edited
        shutil.copytree(ROOT / part, folder / part, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy2(ROOT / "Snakefile", folder)
    road = Road(folder)
    road.snakemake("results/tiny/raw.json", KEEP_SCRIPTS)
    (folder / "movies").mkdir()
    for path in (road.results / "tiny/raw").glob("*.tif"):
        shutil.copy2(path, folder / "movies")
    (folder / "config/recordings.tsv").write_text(SHEET)
    road.snakemake("all", KEEP_SCRIPTS)
    return road


@pytest.fixture
def road(finished, tmp_path):
    shutil.copytree(finished.folder, tmp_path / "road", symlinks=True)
    return Road(tmp_path / "road")
