import pytest
import torch

from dina.errors import StoreError
from dina.training.checkpoints import load_description, load_tensors, save_checkpoint


def test_round_trip_and_same_bytes(tmp_path):
    tensors = {"b": torch.arange(6.0).reshape(2, 3).T, "a": torch.tensor(2.0)}
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        save_checkpoint(tmp_path / name, tensors, {"decoder": "x"})
    again = load_tensors(tmp_path / "one")
    assert all(torch.equal(again[name], value) for name, value in tensors.items())
    assert load_description(tmp_path / "one") == {"decoder": "x"}
    for file in ("model.safetensors", "model.json"):
        assert (tmp_path / "one" / file).read_bytes() == (tmp_path / "two" / file).read_bytes()


def test_a_store_without_a_model_is_named(tmp_path):
    with pytest.raises(StoreError, match=str(tmp_path)):
        load_description(tmp_path)
