"""Small recordings in the layouts of public data sets: each neuron's response is the brightness at one place."""

import zipfile
from dataclasses import dataclass

import h5py
import numpy as np
from scipy.io import savemat
from scipy.signal import lfilter

N_NEURONS = 24
BLOCK_PX = 8  # of the random pictures


@dataclass(frozen=True)
class Written:
    """What an import of the recording should give.

    Attributes
    ----------
    cells : of the sheet's row
    places : (neurons, 2) row and column of the picture that each neuron looks at
    shape : height and width of the pictures
    window : the part that should be kept
    responses : (trials, neurons)
    image : (trials,) index of the picture, of any numbering
    split : (trials,) str, or None
    """

    cells: dict
    places: np.ndarray
    shape: tuple
    window: tuple
    responses: np.ndarray
    image: np.ndarray
    split: np.ndarray | None = None


def pictures_of(rng, n, shape):
    """(n, height, width) uint8, random blocks."""
    coarse = rng.integers(0, 256, (n, -(-shape[0] // BLOCK_PX), -(-shape[1] // BLOCK_PX)), dtype=np.uint8)
    return coarse.repeat(BLOCK_PX, 1).repeat(BLOCK_PX, 2)[:, : shape[0], : shape[1]]


def places_in(rng, window):
    """(neurons, 2) middles of blocks that lie inside a window."""
    rows, columns = (np.arange(of.start + 4, of.stop - 4) for of in window)
    middles = [of[of % BLOCK_PX == BLOCK_PX // 2] for of in (rows, columns)]
    return np.stack([rng.choice(of, N_NEURONS) for of in middles], 1)


def seen(pictures, places, rng):
    """(images, neurons) brightness at each neuron's place, with a little noise; never 0."""
    clean = pictures[:, places[:, 0], places[:, 1]] / 255 + 0.1
    return (clean + 0.01 * rng.random(clean.shape)).astype(np.float32)


def structs(**columns):
    """A MATLAB struct array, (n, 1)."""
    n = len(next(iter(columns.values())))
    array = np.empty((n, 1), [(name, object) for name in columns])
    for name, values in columns.items():
        array[name][:, 0] = list(values)
    return array


def write_stringer(folder, *, n_images=40, n_repeats=2, red=True, **changed):
    """A natimg2800 session of the known window of MP032_2017-09-14; ``changed`` replaces fields of ``stim``."""
    rng = np.random.default_rng(0)
    window = np.s_[10:45, 90:130]
    pictures = pictures_of(rng, n_images, (68, 270))
    places = places_in(rng, window)
    shown = np.concatenate([rng.permutation(n_images + 1) for _ in range(n_repeats)])  # the last is grey
    grey = np.concatenate([pictures, np.full((1, 68, 270), 128, np.uint8)])
    resp = seen(grey[shown], places, rng)
    spont = rng.random((200, N_NEURONS)).astype(np.float32) + rng.random((200, 1))
    stim = {"resp": resp, "istim": (shown + 1)[:, None].astype(np.uint16), "spont": spont} | changed
    stat = {"npix": np.full(N_NEURONS, 30)} | ({"redcell": np.arange(N_NEURONS) % 4 == 0} if red else {})
    path = folder / "natimg2800_M170714_MP032_2017-09-14.mat"
    med = rng.random((N_NEURONS, 3))
    med[:, 2] = 30 * (np.arange(N_NEURONS) // 8)
    savemat(path, {"stim": stim, "stat": structs(**stat), "med": med, "db": {"date": "x"}}, do_compression=True)
    savemat(folder / "images_natimg2800_all.mat", {"imgs": pictures.transpose(1, 2, 0)}, do_compression=True)
    names = np.array(["unknown", "birds", "cats"], object)[None]
    code = (np.arange(n_images) % 3).astype(np.uint8)[None]
    savemat(folder / "stimuli_class_assignment.mat", {"class_assignment": code, "class_names": names})
    cells = {"source": "stringer2019", "data": path, "images": folder / "images_natimg2800_all.mat"}
    image = np.flatnonzero(shown < n_images)
    return Written(cells, places, (68, 270), window, stim["resp"][image], shown[image])


def write_minimodel(folder, *, n_natural=40, n_test=6, compressed=False, ragged=False, fx20=True):
    """A nat60k session: natural images, their mirror images, and the test's among both."""
    rng = np.random.default_rng(1)
    window = np.s_[0:66, 46:176] if fx20 else np.s_[0:66, 0:130]
    natural = pictures_of(rng, n_natural, (66, 264))
    pictures = np.concatenate([natural, natural[:, :, ::-1], pictures_of(rng, 8, (66, 264))])
    places = places_in(rng, window)
    presented = rng.permutation(np.arange(n_test, 2 * n_natural))
    sp = seen(pictures[presented], places, rng)
    ss = np.stack([seen(pictures[:n_test], places, rng) for _ in range(3)], 1)
    n_repeats = np.where(np.arange(n_test) == 1, 2, 3) if ragged else np.full(n_test, 3)
    ss_all = ss
    if ragged:
        ss_all = np.empty(n_test, object)
        ss_all[:] = [of[:n] for of, n in zip(ss, n_repeats, strict=True)]
    path = folder / ("FX20_nat60k_2023_09_29.npz" if fx20 else "L1_A1_nat60k_2023_03_06.npz")
    (np.savez_compressed if compressed else np.savez)(
        path,
        sp=sp.T.copy(),
        istim_sp=presented.astype(np.float64),
        ss_all=ss_all,
        istim_ss=np.arange(n_test),
        xpos=rng.random(N_NEURONS),
        ypos=rng.random(N_NEURONS),
        iplane=np.arange(N_NEURONS) % 3.0,
    )
    savemat(folder / "nat60k_text16.mat", {"img": pictures.transpose(1, 2, 0)})
    kept = ~np.isin(presented, np.arange(n_natural, n_natural + n_test))
    showings = [(k, r) for r in range(3) for k in range(n_test) if r < n_repeats[k]]
    responses = np.concatenate([sp[kept], np.stack([ss[k, r] for k, r in showings])])
    image = np.r_[presented[kept], [k for k, _ in showings]]
    cells = {"source": "minimodel", "data": path, "images": folder / "nat60k_text16.mat"}
    return Written(cells, places, (66, 264), window, responses, image)


def write_textures(folder, *, as_described, n_natural=40):
    """A text16 session, its keys named as the description or as the code has them."""
    rng = np.random.default_rng(2)
    pictures = pictures_of(rng, 2 * n_natural + 64, (66, 264))
    window = np.s_[0:66, 0:130]
    places = places_in(rng, window)
    image, of_test = 2 * n_natural + np.arange(48), 2 * n_natural + np.arange(48, 64)
    sp = seen(pictures[image], places, rng)
    ss = np.stack([seen(pictures[of_test], places, rng) for _ in range(2)], 1)
    labels, label_of_test = np.repeat(np.arange(16), 3), np.arange(16)
    keys = {"istim": image, "ss_istim": of_test, "ss_labels": label_of_test}
    if as_described:
        keys = {"istim_sp": image, "istim_ss": label_of_test, "ss_labels": of_test}
    path = folder / "text16_FX8_2023_05_16.npz"
    np.savez(path, sp=sp.T, ss_all=ss, labels=labels, **keys)
    savemat(folder / "nat60k_text16.mat", {"img": pictures.transpose(1, 2, 0)})
    responses = np.concatenate([sp, ss[:, 0], ss[:, 1]])
    cells = {"source": "minimodel", "data": path, "images": folder / "nat60k_text16.mat"}
    return Written(cells, places, (66, 264), window, responses, np.r_[image, of_test, of_test])


def _save(folder, arrays):
    for name, values in arrays.items():
        path = folder / f"{name}.npy"
        path.parent.mkdir(parents=True, exist_ok=True)
        np.save(path, values)


def _zipped(folder, path):
    """A zip that holds one folder of its own name."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in sorted(folder.rglob("*.npy")):
            archive.write(file, f"{path.stem}/{file.relative_to(folder).as_posix()}")


def write_sensorium2022(folder, *, withheld=(), zipped=False):
    """Trials whose files are numbered in another order than they were shown."""
    rng = np.random.default_rng(3)
    shape = (144, 256)
    pictures = pictures_of(rng, 46, shape)
    places = places_in(rng, np.s_[0:144, 0:256])
    image = np.r_[np.arange(40), np.tile(np.arange(40, 46), 3)]
    tier = np.array(["train"] * 32 + ["validation"] * 8 + ["test"] * 18)
    order = rng.permutation(len(image))  # file X was shown at place order[X]
    responses = seen(pictures[image], places, rng)
    responses[np.isin(tier, withheld)] = 0
    name = "static1-2-3-GrayImageNet-94c6ff995dac583098847cfecd43e7b6"
    for x, number in enumerate(image):
        _save(
            folder / name / "data",
            {
                f"images/{x}": pictures[number][None].astype(np.float32),
                f"responses/{x}": responses[x].astype(np.float64),
                f"behavior/{x}": np.array([[1.0, 2.0, x]]),
                f"pupil_center/{x}": np.array([3.0, 4.0]),
            },
        )
    meta = {"trials/tiers": tier, "trials/trial_idx": order, "trials/frame_image_id": image}
    meta |= {"neurons/unit_ids": np.arange(N_NEURONS), "neurons/cell_motor_coordinates": rng.random((N_NEURONS, 3))}
    _save(folder / name / "meta", meta)
    if zipped:
        _zipped(folder / name, folder / f"{name}.zip")
    cells = {"source": "sensorium2022", "data": folder / (f"{name}.zip" if zipped else name)}
    place = np.argsort(order)
    split = tier[place].astype(object)
    return Written(cells, places, shape, np.s_[0:144, 0:256], responses[place], image[place], split)


def write_sensorium2023(folder, *, withheld=()):
    """Videos of 110 or 100 frames, filled up with NaN, whose picture changes with every snippet."""
    rng = np.random.default_rng(4)
    shape, n_snippets, n_videos, full = (32, 64), 4, 14, 120
    pictures = pictures_of(rng, n_videos * n_snippets, shape).reshape(n_videos, n_snippets, *shape)
    places = places_in(rng, np.s_[0:32, 0:64])
    video = np.r_[np.arange(10), 10, 11, 10, 11, 12, 13, 12, 13, 0]
    tier = np.array(["train"] * 10 + ["oracle"] * 4 + ["live_test_main"] * 4 + ["none"])
    name = folder / "dynamic1-2-3-Video-9b4f6a1a067fe51e15306b9628efea20"
    expected, image, split = [], [], []
    for x, (number, of) in enumerate(zip(video, tier, strict=True)):
        n_frames = 110 if number % 2 else 100  # 4 and 3 snippets of 15 frames behind the first 50
        frames = np.full((*shape, full), np.nan, np.float32)
        activity = np.full((N_NEURONS, full), np.nan)
        held = np.clip((np.arange(n_frames) - 50) // 15, 0, n_snippets - 1)
        frames[:, :, :n_frames] = pictures[number][held].transpose(1, 2, 0)
        activity[:, :n_frames] = seen(pictures[number], places, rng)[held].T
        activity = np.zeros_like(activity) if of in withheld else activity
        _save(name / "data", {f"videos/{x}": frames, f"responses/{x}": activity, f"behavior/{x}": frames[0, :2]})
        if of == "none":
            continue
        for snippet in range((n_frames - 50) // 15):
            expected.append(activity[:, 50 + 15 * snippet : 65 + 15 * snippet].sum(1))
            image.append(number * n_snippets + snippet)
            split.append({"oracle": "validation", "live_test_main": "test"}.get(of, of))
    _save(name / "meta", {"trials/tiers": tier, "neurons/unit_ids": np.arange(N_NEURONS)})
    responses, split = np.array(expected), np.array(split, object)
    cells = {"source": "sensorium2023", "data": name}
    return Written(cells, places, shape, np.s_[0:32, 0:64], responses, np.array(image), split)


def write_allen(folder, *, nwb=1, events=True, n_scenes=12, n_repeats=4):
    """A session in frames (NWB 1) or seconds (NWB 2): scenes of 7 frames back to back, and blanks."""
    rng = np.random.default_rng(5)
    shape, rate_hz = (96, 128), 30.0
    pictures = pictures_of(rng, n_scenes, shape)
    places = places_in(rng, np.s_[0:96, 0:128])
    shown = np.concatenate([rng.permutation(n_scenes + 1) for _ in range(n_repeats)]) - 1  # -1 is a blank
    start = 90 + 8 * np.arange(len(shown))
    n_frames = start[-1] + 60
    time_s = 5 + np.arange(n_frames) / rate_hz
    values = np.where((shown >= 0)[:, None], seen(pictures[shown], places, rng), 0)
    activity = np.zeros((N_NEURONS, n_frames), np.float32)
    activity[:, start + 6] = values.T  # 0.2 s after onset
    decaying = lfilter([1.0], [1.0, -np.exp(-1 / (0.7 * rate_hz))], activity)  # about as GCaMP6f does
    dff = activity if events else decaying + 0.01 * rng.random(activity.shape)
    path = folder / f"{nwb}.nwb"
    with h5py.File(path, "w") as file:
        write = _write_nwb1 if nwb == 1 else _write_nwb2
        write(file, dff.astype(np.float32), activity, time_s, shown, start, pictures)
    cells = {"source": "allen", "data": path}
    if nwb == 1 and events:
        np.savez(folder / "1_events.npz", ev=activity)
        cells["events"] = folder / "1_events.npz"
    scenes = shown >= 0
    return Written(cells, places, shape, np.s_[0:96, 0:128], values[scenes], shown[scenes])


def _write_nwb1(file, dff, _, time_s, shown, start, pictures):
    pipeline = file.create_group("processing/brain_observatory_pipeline")
    pipeline["DfOverF/imaging_plane_1/data"] = dff
    pipeline["DfOverF/imaging_plane_1/timestamps"] = time_s
    pipeline["ImageSegmentation/cell_specimen_ids"] = 500 + np.arange(len(dff))
    pipeline["BehavioralTimeSeries/running_speed/data"] = np.ones((len(time_s), 1))
    pipeline["BehavioralTimeSeries/running_speed/timestamps"] = time_s
    presentation = file.create_group("stimulus/presentation/natural_scenes_stimulus")
    mixed = np.random.default_rng(0).permutation(len(shown))  # rows are to be sorted by their start
    presentation["data"] = shown[mixed].astype(np.int16)
    presentation["frame_duration"] = np.stack([start, start + 7], 1)[mixed]
    file["stimulus/templates/natural_scenes_image_stack/data"] = pictures


def _write_nwb2(file, dff, events, time_s, shown, start, pictures):
    series = file.create_group("processing/ophys/DfOverF")
    series["DfOverFEvents/data"], series["DfOverF/data"] = 2 * events.T, dff.T
    series["DfOverFEvents/data"].attrs["conversion"] = 0.5
    series["DfOverF/timestamps"] = time_s
    series["DfOverFEvents/timestamps"] = h5py.SoftLink("/processing/ophys/DfOverF/DfOverF/timestamps")
    file["processing/ophys/ImageSegmentation/PlaneSegmentation/global_roi_id"] = 500 + np.arange(len(dff))
    for k, picture in enumerate(pictures):
        file[f"stimulus/templates/natural_scenes_template/NaturalScene{k}"] = picture
    presentation = file.create_group("stimulus/presentation/natural_scenes_stimulus")
    presentation["data"] = shown.astype(np.int64).astype(np.uint32)  # a blank becomes 4294967295
    presentation["timestamps"] = time_s[start]
    presentation["indexed_images"] = h5py.SoftLink("/stimulus/templates/natural_scenes_template")
