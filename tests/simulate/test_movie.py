"""Rendering against what was asked for: motion, times, blocks, threads, memory, files."""

import gc
import tracemalloc

import numpy as np
import pytest
import tifffile

from dina.settings import SimulationSettings
from dina.simulate import movie as movie_module
from dina.simulate import recording as recording_module
from dina.simulate.motion import draw_motion
from dina.simulate.movie import frame_times_s, n_volumes, render_blocks, write_movie

SETTINGS = SimulationSettings(
    optics={
        "height_px": 80,
        "width_px": 88,
        "n_neurons_per_plane": 12,
        "drift_um": 2,
        "jitter_um": 1.5,
        "non_rigid_um": 0,
        "photons_per_pixel": 1000,
        "read_noise_photons": 0,
        "neuropil_fluctuation": 0,
    },
    acquisition={"n_planes": 2, "volume_rate_hz": 5},
)
STILL = SETTINGS.model_copy(update={"optics": SETTINGS.optics.model_copy(update={"drift_um": 0.0, "jitter_um": 0.0})})
NO_SPIKES = np.empty(0), np.empty(0, np.int32)


def planes(settings=SETTINGS, spikes=NO_SPIKES):
    layouts = [recording_module._lay_out(settings, p) for p in range(2)]
    plane_of = np.repeat([0, 1], settings.optics.n_neurons_per_plane)
    return [recording_module._build(settings, p, layout, spikes, plane_of) for p, layout in enumerate(layouts)]


def motion(n_frames, settings=SETTINGS):
    return draw_motion(settings.optics, settings.acquisition, n_frames, settings.seed)


def render(n_frames, settings=SETTINGS, spikes=NO_SPIKES, **options):
    blocks = render_blocks(planes(settings, spikes), motion(n_frames, settings), settings, **options)
    return np.concatenate(list(blocks))


def displacement(frame, reference):
    """Sub-pixel shift of a frame against a reference, by cross-correlation and a parabola through its peak."""
    window = np.outer(np.hanning(frame.shape[0]), np.hanning(frame.shape[1]))
    spectra = [np.fft.fft2((image - image.mean()) * window) for image in (frame, reference)]
    correlation = np.fft.ifft2(spectra[0] * spectra[1].conj()).real
    peak = np.array(np.unravel_index(correlation.argmax(), correlation.shape))
    shift = []
    for axis in (0, 1):
        before, at, after = (np.roll(correlation, -k, axis)[tuple(peak)] for k in (-1, 0, 1))
        shift.append(peak[axis] + (before - after) / (2 * (before - 2 * at + after)))
    return (np.array(shift) + np.array(frame.shape) / 2) % frame.shape - np.array(frame.shape) / 2


def test_frames_move_as_the_truth_states():
    n_frames = 60
    frames, true = render(n_frames).astype(float), motion(n_frames).rigid_px
    for plane in (0, 1):
        rest = int(np.argmin(np.abs(true[plane]).sum(1)))
        found = [displacement(frames[k, plane], frames[rest, plane]) for k in range(n_frames)]
        error = np.array(found) - (true[plane] - true[plane, rest])
        assert np.median(np.abs(error)) < 0.1
        assert np.abs(error).max() < 0.5


def test_planes_are_sampled_one_after_the_other():
    """The second plane's frame k comes half a volume later: a spike between the two shows there first."""
    n = STILL.optics.n_neurons_per_plane
    spikes = np.full(2 * n * 5, 1.02), np.tile(np.arange(2 * n, dtype=np.int32), 5)  # between 1.0 and 1.1 s
    frames = render(12, STILL, spikes).astype(float).mean((2, 3))
    jump = frames - frames[:4].mean(0)
    assert frame_times_s(STILL, 0, np.arange(12))[5] == 1.0
    assert frame_times_s(STILL, 1, np.arange(12))[5] == pytest.approx(1.1)
    assert jump[5, 1] > 10 * abs(jump[5, 0])
    assert jump[6, 0] > 10 * abs(jump[5, 0])


def test_threads_change_no_byte():
    assert np.array_equal(render(50, n_threads=1), render(50, n_threads=3))


def test_blocks_change_nothing_but_the_noise(monkeypatch):
    """Noiseless frames are the same in blocks of 7 and of 20, to the rounding of a photon."""
    monkeypatch.setattr(movie_module, "expose", lambda photons, settings, rng: photons)
    spikes = np.sort(np.random.default_rng(0).uniform(0, 9, 300)), np.arange(300, dtype=np.int32) % 24
    whole = render(45, spikes=spikes).astype(int)
    monkeypatch.setattr(movie_module, "BLOCK_FRAMES", 7)
    assert np.abs(render(45, spikes=spikes) - whole).max() <= 1
    assert whole.std(0).max() > 10  # and the cells did flash


def test_noise_is_fresh_in_every_frame_block_and_plane():
    frames = render(45, STILL).astype(float)
    noise = (frames - frames.mean(0)).reshape(90, -1)
    assert np.abs(np.corrcoef(noise) - np.eye(90)).max() < 0.1


def test_memory_does_not_grow_with_length():
    ready = planes()

    def peak(n_frames):
        moving = motion(n_frames)
        gc.collect()
        tracemalloc.start()
        for _ in render_blocks(ready, moving, SETTINGS):
            pass
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return most

    def least(n_frames):
        """What other threads of the process allocate meanwhile is traced, too, and only ever adds."""
        return min(peak(n_frames) for _ in range(5))

    peak(40)
    assert least(300) < 1.1 * least(60)


def fake_blocks(n_frames, n_planes):
    """Frames that say which they are: value = 100 · frame + plane."""
    value = 100 * np.arange(n_frames)[:, None] + np.arange(n_planes)
    movie = np.broadcast_to(value[..., None, None], (n_frames, n_planes, 80, 88)).astype(np.int16)
    for start in range(0, n_frames, 7):
        yield movie[start : start + 7]


def with_acquisition(**fields):
    return SETTINGS.model_copy(update={"acquisition": SETTINGS.acquisition.model_copy(update=fields)})


def test_planes_are_interleaved_over_files(tmp_path):
    write_movie(fake_blocks(25, 2), tmp_path, with_acquisition(frames_per_file=16))
    files = sorted(tmp_path.iterdir())
    assert [file.name for file in files] == [f"movie_0000{k}.tif" for k in (1, 2, 3, 4)]
    pages = [page.asarray() for file in files for page in tifffile.TiffFile(file).pages]
    assert [len(tifffile.TiffFile(file).pages) for file in files] == [16, 16, 16, 2]
    assert all(page.shape == (80, 88) and page.dtype == np.int16 for page in pages)
    assert [int(page[0, 0]) for page in pages] == [100 * frame + plane for frame in range(25) for plane in (0, 1)]


def test_planes_may_have_files_of_their_own(tmp_path):
    write_movie(fake_blocks(25, 2), tmp_path, with_acquisition(frames_per_file=20, separate_files=True))
    for plane in (0, 1):
        files = sorted(tmp_path.glob(f"plane-{plane}_*.tif"))
        assert [file.name for file in files] == [f"plane-{plane}_0000{k}.tif" for k in (1, 2)]
        pages = [page.asarray()[3, 3] for file in files for page in tifffile.TiffFile(file).pages]
        assert pages == [100 * frame + plane for frame in range(25)]


def test_big_tiff_only_where_needed(tmp_path):
    for frames_per_file, big in ((4000, False), (400_000, True)):
        folder = tmp_path / str(frames_per_file)
        folder.mkdir()
        write_movie(fake_blocks(3, 2), folder, with_acquisition(frames_per_file=frames_per_file))
        assert tifffile.TiffFile(folder / "movie_00001.tif").is_bigtiff == big


def test_a_recording_has_the_volumes_that_fit():
    assert n_volumes(SETTINGS, 10.05) == 50
