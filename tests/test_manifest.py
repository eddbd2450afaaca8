"""How much a rule's inputs hold, without opening them."""

import numpy as np
import pandas as pd

from dina import stores
from dina.manifest import BYTES_PER_MB, held_mb


def test_a_store_counts_once_and_unpacked(tmp_path):
    store = tmp_path / "store"
    with stores.new_store(store) as new:
        stores.write_array(new, "zeros", np.zeros((1000, 300), np.float32))  # a few bytes on disk
        stores.write_table(new, "table", pd.DataFrame({"a": range(100), "b": range(100)}))
        (new / "movie.tif").write_bytes(bytes(5000))
    assert held_mb(stores.manifest_path(store)) == (1000 * 300 * 4 + 100 * 2 * 8 + 5000) / BYTES_PER_MB
    assert held_mb(store) == 0
    stores.manifest_path(store).write_text('{"arrays": {')  # damaged: the stage that reads it says so
    assert held_mb(stores.manifest_path(store)) == 0


def test_other_files_and_folders_count_as_they_are(tmp_path):
    (tmp_path / "images").mkdir()
    for path in (tmp_path / "log.json", tmp_path / "images/a.png", tmp_path / "images/b.png"):
        path.write_bytes(bytes(BYTES_PER_MB))
    found = [held_mb(tmp_path / name) for name in ("log.json", "images", "nothing.tif")]
    assert found == [1, 2, 0]
