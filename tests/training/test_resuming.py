"""A killed training goes on as if nothing had happened; a checkpoint that does not fit is left aside."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from torch import nn

from dina.cli import main
from dina.settings import DinaModelSettings, DinaSettings, DinaTrainingSettings
from dina.training.averaging import WeightAverage
from dina.training.resuming import RECORD, WorkingCheckpoint, fingerprint
from dina.training.state import TrainingState
from dina.training.train import train_dina

ROOT = Path(__file__).parents[2]
TOWERS = {
    "gabor": DinaModelSettings(
        n_image_components=80, channels=16, n_components=40, core={"channels": 8, "size_px": 16, "epochs": 4}
    ),
    "learned": DinaModelSettings(image_tower="learned", channels=8, n_components=20),
}
EPOCHS, KILLED_AFTER = 5, 2

# Dies between two checkpoints, or in the middle of writing the next one's tensors or record.
DYING = """
import os, signal, sys
from pathlib import Path
from dina.settings import DinaSettings, GaborSettings
from dina.training.resuming import RECORD, WorkingCheckpoint
from dina.training.train import train_dina

responses, output, settings, gabor, when, killed_after = sys.argv[1:]
write, save, n_saved = Path.write_bytes, WorkingCheckpoint.save, 0

def die():
    os.kill(os.getpid(), signal.SIGKILL)

def write_and_die(path, content):
    part = "record" if Path(RECORD).stem in path.name else "tensors"
    if n_saved == int(killed_after) + 1 and when == part:
        write(path, content[: len(content) // 2])
        die()
    return write(path, content)

def save_and_die(checkpoint, state):
    global n_saved
    save(checkpoint, state)
    n_saved += 1
    if n_saved == int(killed_after) + 1 and when == "between":
        die()

Path.write_bytes, WorkingCheckpoint.save = write_and_die, save_and_die
train_dina(
    Path(responses), Path(output), DinaSettings.model_validate_json(settings),
    GaborSettings.model_validate_json(gabor), seed=3, device="cpu",
)
"""


def settings_of(tower, **changes):
    training = DinaTrainingSettings(**({"epochs": EPOCHS, "batch_trials": 64, "checkpoint_s": 1e-9} | changes))
    return DinaSettings(model=TOWERS[tower], training=training)


def train_and_die(responses, output, settings, gabor, when="between"):
    arguments = [str(responses), str(output), settings.model_dump_json(), gabor.model_dump_json(), when]
    return subprocess.run(
        [sys.executable, "-c", DYING, *arguments, str(KILLED_AFTER)],
        env=os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )


def whole(responses, output, settings, gabor):
    train_dina(responses, output, settings, gabor, seed=3, device="cpu")
    return output.with_suffix(".json").read_text()  # digests of the weights, and of the history


EXTRAS = {"weight_average": 0.9, "warmup_share": 0.5, "gradient_clip": 0.5}


@pytest.mark.parametrize(
    ("tower", "when", "extras"),
    [("gabor", "tensors", {}), ("gabor", "record", {}), ("learned", "between", EXTRAS)],
)
def test_killed_and_resumed_gives_the_same_bytes(responses, small_gabor, tmp_path, capsys, tower, when, extras):
    settings = settings_of(tower, **extras)
    expected = whole(responses, tmp_path / "uninterrupted", settings, small_gabor)
    died = train_and_die(responses, tmp_path / "killed", settings, small_gabor, when)
    assert died.returncode == -signal.SIGKILL, died.stderr
    working = tmp_path / "killed.partial"
    assert len(list(working.iterdir())) == (2 if when == "between" else 3 if when == "tensors" else 4)
    assert not (tmp_path / "killed").exists()
    capsys.readouterr()
    assert whole(responses, tmp_path / "killed", settings, small_gabor) == expected
    assert f"going on after epoch {KILLED_AFTER}" in capsys.readouterr().err
    assert not working.exists()


def test_verify_passes_over_a_working_checkpoint(responses, small_gabor, tmp_path, capsys):
    train_dina(responses, tmp_path / "seed-0", settings_of("gabor"), small_gabor, seed=0, device="cpu")
    train_and_die(responses, tmp_path / "seed-3", settings_of("gabor"), small_gabor, "record")
    assert (tmp_path / "seed-3.partial" / RECORD).is_file()
    capsys.readouterr()
    assert main(["verify", str(tmp_path)]) == 0
    assert capsys.readouterr().out == "1 stores, 0 damaged\n"


def test_no_checkpoint_is_written_before_it_is_due(responses, small_gabor, tmp_path, monkeypatch):
    monkeypatch.setattr(WorkingCheckpoint, "save", lambda *_: pytest.fail("too early"))
    train_dina(responses, tmp_path / "one", settings_of("gabor", checkpoint_s=60), small_gabor, seed=0, device="cpu")


# --- one state, without a training around it -----------------------------------------------------


def some_state(seed=0):
    generator = torch.Generator().manual_seed(seed)
    model = nn.Linear(3, 2)
    for parameter in model.parameters():
        nn.init.normal_(parameter, generator=generator)
    optimiser, average = torch.optim.AdamW(model.parameters(), 0.1), WeightAverage(model.parameters(), 0.9)
    state = TrainingState(model, optimiser, average, [generator])
    model(torch.randn(4, 3, generator=generator)).square().sum().backward()
    state.optimiser.step()
    state.best = {name: value.clone() for name, value in model.state_dict().items()}
    state.history = [{"epoch": 0, "train_loss": None, "validation_loss": 0.1 + 0.2, "is_best": True}]
    return state


def same(one, two):
    a, b = one.tensors(), two.tensors()
    return set(a) == set(b) and all(torch.equal(a[name], b[name]) for name in a) and one.history == two.history


@pytest.fixture
def checkpoint(tmp_path):
    return WorkingCheckpoint(tmp_path / "one.partial", "mark", 60)


def test_a_state_returns_as_it_was(checkpoint):
    saved, other = some_state(), some_state(1)
    checkpoint.save(saved)
    assert not same(saved, other)
    checkpoint.resume(other)
    assert same(saved, other)
    assert torch.equal(*(torch.rand(5, generator=state.generators[0]) for state in (saved, other)))


def test_only_the_last_checkpoint_is_kept(checkpoint):
    for seed in range(3):
        checkpoint.save(some_state(seed))
    assert len(list(checkpoint.folder.iterdir())) == 2
    found = some_state()
    checkpoint.resume(found)
    assert same(found, some_state(2))


def tensors_of(folder):
    return next(folder.glob("*.safetensors"))


def change(path, alter):
    content = bytearray(path.read_bytes())
    path.write_bytes(bytes(alter(content)))


def flip(content):
    content[len(content) // 2] ^= 1
    return content


def edit_history(folder):
    record = json.loads((folder / RECORD).read_text())
    record["state"]["history"][0]["validation_loss"] = 0.25
    (folder / RECORD).write_text(json.dumps(record))


DAMAGE = {
    "tensors cut short": lambda folder: change(tensors_of(folder), lambda content: content[:-1]),
    "a flipped bit in the tensors": lambda folder: change(tensors_of(folder), flip),
    "tensors that are gone": lambda folder: tensors_of(folder).unlink(),
    "a record cut short": lambda folder: change(folder / RECORD, lambda content: content[:40]),
    "a flipped bit in the record": lambda folder: change(folder / RECORD, flip),
    "another history": edit_history,
    "an empty record": lambda folder: (folder / RECORD).write_text(""),
    "a record of something else": lambda folder: (folder / RECORD).write_text("[1]"),
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_damaged_checkpoint_is_left_aside_and_told(checkpoint, capsys, damage):
    checkpoint.save(some_state())
    DAMAGE[damage](checkpoint.folder)
    other = some_state(1)
    checkpoint.resume(other)
    assert same(other, some_state(1))
    assert "damaged" in capsys.readouterr().err
    checkpoint.save(other)
    assert len(list(checkpoint.folder.iterdir())) == 2


def test_a_checkpoint_of_another_training_is_left_aside_and_told(checkpoint, capsys):
    checkpoint.save(some_state())
    other = some_state(1)
    WorkingCheckpoint(checkpoint.folder, "other mark", 60).resume(other)
    assert same(other, some_state(1))
    assert "other inputs" in capsys.readouterr().err


def test_a_disk_that_cannot_be_written_costs_the_checkpoint_alone(tmp_path, capsys):
    (tmp_path / "file").touch()
    WorkingCheckpoint(tmp_path / "file" / "one.partial", "mark", 60).save(some_state())
    assert "training goes on" in capsys.readouterr().err


def test_a_fingerprint_follows_everything_that_decides(responses, tmp_path, monkeypatch):
    cpu = torch.device("cpu")
    usual = fingerprint(responses, "dina.training.train", cpu, {"seed": 0})
    assert usual == fingerprint(responses, "dina.training.train", cpu, {"seed": 0})
    (tmp_path / "responses.json").write_text(responses.with_suffix(".json").read_text().replace("a", "b"))
    others = {
        fingerprint(tmp_path / "responses", "dina.training.train", cpu, {"seed": 0}),
        fingerprint(responses, "dina.decoders.convolutional", cpu, {"seed": 0}),
        fingerprint(responses, "dina.training.train", torch.device("cuda"), {"seed": 0}),
        fingerprint(responses, "dina.training.train", cpu, {"seed": 1}),
    }
    monkeypatch.setattr(torch, "get_num_threads", lambda: 2)
    others.add(fingerprint(responses, "dina.training.train", cpu, {"seed": 0}))
    assert len(others | {usual}) == 6
