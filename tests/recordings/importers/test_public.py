"""Public data sets, in the layouts that their authors' code reads: every response with its image, turned no way."""

import numpy as np
import pytest

from dina import stores
from dina.recordings.importers import minimodel
from dina.recordings.importers.responses import import_responses, import_stimuli
from dina.recordings.sheet import Recording
from dina.recordings.trials import SPLITS, read_trials
from dina.settings import StimuliSettings
from tests.recordings.importers import public

SIZE_PX = 64
FIXTURES = {
    "stringer2019": public.write_stringer,
    "minimodel": public.write_minimodel,
    "minimodel compressed, of other mice": lambda folder: public.write_minimodel(folder, compressed=True, fx20=False),
    "minimodel with unequal repeats": lambda folder: public.write_minimodel(folder, ragged=True),
    "minimodel textures": lambda folder: public.write_textures(folder, as_described=False),
    "minimodel textures, as described": lambda folder: public.write_textures(folder, as_described=True),
    "sensorium2022": public.write_sensorium2022,
    "sensorium2022 zip": lambda folder: public.write_sensorium2022(folder, zipped=True),
    "sensorium2023": public.write_sensorium2023,
    "allen NWB 1": public.write_allen,
    "allen NWB 2": lambda folder: public.write_allen(folder, nwb=2),
}


@pytest.fixture(autouse=True)
def few_natural_images(monkeypatch):
    monkeypatch.setattr(minimodel, "N_NATURAL", 40)
    monkeypatch.setattr(minimodel, "BLOCK_BYTES", 10 * 4 * public.N_NEURONS)  # seams between blocks


def row_of(written, **cells):
    values = written.cells | cells
    return Recording(
        recording="m",
        **{name: str(value) if name != "spontaneous_components" else value for name, value in values.items()},
    )


def imported(folder, written, **cells):
    row = row_of(written, **cells)
    settings = StimuliSettings(image_size_px=SIZE_PX, allow_near_duplicates=True)
    import_stimuli(row, folder / "stimuli", settings)
    import_responses(row, folder / "stimuli", folder / "responses")
    return folder / "responses"


def in_square(written):
    """(neurons, 2) where each neuron's place lies in the square image."""
    rows, columns = written.window
    height, width = rows.stop - rows.start, columns.stop - columns.start
    scale = SIZE_PX / max(height, width)
    pad = [(SIZE_PX - round(n * scale)) // 2 for n in (height, width)]
    return ((written.places - [rows.start, columns.start] + 0.5) * scale + pad).astype(int)


@pytest.mark.parametrize("name", FIXTURES)
@pytest.mark.filterwarnings("ignore:.*near-duplicate:UserWarning", "ignore:.*overlapping crop:UserWarning")
def test_every_response_arrives_with_its_image(name, tmp_path):
    written = FIXTURES[name](tmp_path)
    trials = read_trials(stores.checked(imported(tmp_path, written), verify=True))
    assert np.allclose(trials.responses, written.responses, rtol=1e-4, atol=1e-5)
    same = trials.image_index[:, None] == trials.image_index
    assert np.array_equal(same, written.image[:, None] == written.image)
    if written.split is not None:
        assert [SPLITS[code] for code in trials.split] == written.split.tolist()
    y, x = in_square(written).T
    looked_at = trials.images[trials.image_index][:, y, x]
    for neuron in range(public.N_NEURONS):
        assert np.corrcoef(looked_at[:, neuron], trials.responses[:, neuron])[0, 1] > 0.9, neuron
