import pytest

from dina.writing import replacing


def test_a_file_is_whole_or_what_it_was(tmp_path):
    path = tmp_path / "scores.csv"
    path.write_text("old")
    with pytest.raises(RuntimeError), replacing(path) as partial:
        partial.write_text("ha")
        assert path.read_text() == "old"
        raise RuntimeError
    assert path.read_text() == "old"
    with replacing(path) as partial:
        partial.write_text("new")
        assert partial.suffix == path.suffix
    assert path.read_text() == "new" and list(tmp_path.iterdir()) == [path]
