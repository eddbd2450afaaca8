"""Two processes that share every batch train as one does."""

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml

from dina.cli import main
from dina.models.dual_tower import build_dual_tower, initialise
from dina.models.loss import info_nce, pairwise_sigmoid
from dina.settings import DinaModelSettings, DinaSettings, GaborSettings
from dina.stores import checked, read_table
from dina.training import train
from dina.training.checkpoints import load_tensors
from dina.training.closed_form import start_in_closed_form
from dina.training.ranks import ALONE, Ranks, joined

ROOT = Path(__file__).parents[2]
BATCHES = ([0, 1, 2, 3, 4, 5], [6, 1, 2, 8, 7], [3, 9])  # even, uneven; trials 0 and 1 show one image


def tiny_towers():
    gabor = GaborSettings(frequencies_cpi=(2.0,), n_orientations=2, grid=2)
    model = build_dual_tower(
        DinaModelSettings(image_tower="learned", channels=3), gabor, image_shape=(8, 8), n_neurons=5, n_components=4
    )
    initialise(model, torch.Generator().manual_seed(0))
    return model


def losses_and_gradients(ranks):
    """Of every batch, by the processes together: the same numbers whatever their count."""
    model, found = tiny_towers(), {}
    generator = torch.Generator().manual_seed(1)
    z, images = torch.randn(10, 5, generator=generator), torch.rand(10, 8, 8, generator=generator)
    image = torch.tensor([0, 0, 1, 2, 3, 4, 5, 6, 7, 8])
    for index, rows in enumerate(BATCHES):
        batch = torch.tensor(rows)
        mine = ranks.share(batch)
        model.zero_grad()
        neural = ranks.gather(model.embed(model.neural_tower(z[mine])), len(batch))
        shown = ranks.gather(model.embed(model.image_tower(images[image[mine]])), len(batch))
        similarity, ids = neural @ shown.T, image[batch]
        loss = info_nce(similarity, ids, model.inverse_temperature)
        loss = loss + pairwise_sigmoid(similarity, ids, model.inverse_temperature, model.offset)
        loss.backward()
        ranks.average_gradients(list(model.parameters()))
        found[f"{index} loss"] = loss.item()
        for name, parameter in model.named_parameters():
            found[f"{index} {name}"] = parameter.grad.flatten().tolist()
    single = ranks.gather(torch.full((len(ranks.share(torch.zeros(1))), 2), 7.0), 1)  # one process has no row
    return found | {"single": single.tolist(), "told": (ranks.from_first(b"first" * ranks.is_first) or b"").decode()}


if __name__ == "__main__":  # one of the processes
    with joined(torch.device("cpu")) as together:
        results = losses_and_gradients(together)
        Path(sys.argv[1], f"{together.rank}.json").write_text(json.dumps(results))
    sys.exit()


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def run_two(command):
    """Two processes as torchrun starts them; their output, once both are done."""
    shared = {"WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(free_port())}
    shared |= {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    processes = [
        subprocess.Popen(
            [sys.executable, *map(str, command)],
            env=os.environ | shared | {"RANK": str(rank), "LOCAL_RANK": str(rank)},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        for rank in range(2)
    ]
    try:
        told = [process.communicate(timeout=120)[0] for process in processes]
    finally:
        for process in processes:
            process.kill()
    assert all(process.returncode == 0 for process in processes), "\n".join(told)
    return told


def test_loss_and_gradients_are_those_of_one_process(tmp_path):
    run_two([__file__, tmp_path])
    expected = losses_and_gradients(ALONE)
    for rank in range(2):
        found = json.loads((tmp_path / f"{rank}.json").read_text())
        assert found.pop("told") == "first" and found.pop("single") == [[7.0, 7.0]]
        for name, values in found.items():
            np.testing.assert_allclose(values, expected[name], atol=1e-5, rtol=1e-5, err_msg=name)
    assert max(np.abs(expected["0 neural_tower.read_in.down.deviation"])) > 1e-3  # there is something to compare


@pytest.fixture
def settings_file(tmp_path):
    values = {
        "device": "cpu",
        "gabor": {"frequencies_cpi": [2.0, 4.0], "n_orientations": 4, "grid": 4},
        "dina": {
            "model": {"n_image_components": 80, "channels": 8, "n_components": 40},
            "training": {"epochs": 2, "batch_trials": 63},
        },
    }
    (tmp_path / "settings.yaml").write_text(yaml.safe_dump(values))
    return tmp_path / "settings.yaml"


def test_the_command_gives_one_model_alone_and_by_two(responses, settings_file, tmp_path):
    arguments = ["train", responses, tmp_path / "two", "--settings", settings_file, "--seed", 5]
    run_two(["-m", "dina.cli", *arguments])
    arguments[2] = tmp_path / "one"
    assert main([str(argument) for argument in arguments]) == 0
    one, two = (load_tensors(checked(tmp_path / name, verify=True)) for name in ("one", "two"))
    for name, value in one.items():
        torch.testing.assert_close(two[name], value, atol=1e-4, rtol=1e-4)
    histories = [read_table(tmp_path / name, "training") for name in ("one", "two")]
    np.testing.assert_allclose(*(of["validation_loss"] for of in histories), atol=1e-5)
    assert {path.name for path in tmp_path.iterdir()} == {"one", "one.json", "two", "two.json", "settings.yaml"}


def test_processes_agree_on_what_each_of_them_learned_before(gabor_trials, small_gabor, monkeypatch):
    """A core's training magnifies rounding, so no process may keep held-out components of its own."""
    started, agreed = [], []

    def start(*arguments, **options):
        started.append(start_in_closed_form(*arguments, **options))
        return started[0]

    class Noting(Ranks):
        def agree_on(self, tensors):
            agreed.extend(tensors)

    monkeypatch.setattr(train, "start_in_closed_form", start)
    core = {"channels": 4, "size_px": 16, "epochs": 1}
    model = DinaModelSettings(n_image_components=80, channels=8, n_components=40, core=core)
    settings = DinaSettings(model=model, training={"epochs": 1})
    train.fit_dina(
        gabor_trials, settings, small_gabor, seed=0, device=torch.device("cpu"), ranks=Noting(0, 1, torch.device("cpu"))
    )
    ((towers, held_out),) = started
    kept = {tensor.data_ptr() for tensor in agreed}
    assert held_out.data_ptr() in kept
    assert {tensor.data_ptr() for tensor in towers.image_tower.learned.state_dict().values()} <= kept


def test_a_wrong_setting_is_named(responses, tmp_path, capsys):
    (tmp_path / "settings.yaml").write_text("dina: {training: {epoch: 3}}")
    assert main(["train", str(responses), str(tmp_path / "x"), "--settings", str(tmp_path / "settings.yaml")]) == 1
    assert "epochs" in capsys.readouterr().err
