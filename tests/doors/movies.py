"""Small valid movies of every format, and how their bytes are damaged."""

from pathlib import Path

import h5py
import numpy as np
import scipy.io
import tifffile

FRAMES = np.random.default_rng(0).integers(100, 1000, (30, 32, 40)).astype(np.uint16)
SCANIMAGE = "\n".join(
    f"SI.{key} = {value}"
    for key, value in {
        "VERSION_MAJOR": 2020,
        "hChannels.channelSave": 1,
        "hStackManager.enable": "false",
        "hStackManager.numSlices": 1,
        "hRoiManager.scanFrameRate": 7.5,
        "hRoiManager.scanVolumeRate": 7.5,
        "hRoiManager.pixelsPerLine": 40,
        "hRoiManager.imagingFovUm": "[-20 -16;20 -16;20 16;-20 16]",
    }.items()
)
BRUKER = '<Frame relativeTime="{t}"><File channel="1" channelName="Ch1" page="1" filename="{name}"/></Frame>'
THORLABS = (
    '<ThorImageExperiment><Wavelengths><Wavelength name="ChanA"/></Wavelengths><LSM frameRate="7.5" averageMode="0" '
    'averageNum="1" widthUM="60" pixelX="40" pixelY="32"/><ZStage steps="1"/>'
    '<Streaming enable="1" zFastEnable="0" flybackFrames="0" frames="30"/></ThorImageExperiment>'
)


def write_plain(folder: Path) -> Path:
    """A classic TIFF, page by page."""
    with tifffile.TiffWriter(folder / "plain.tif") as tif:
        for frame in FRAMES:
            tif.write(frame, contiguous=False)
    return folder / "plain.tif"


def write_packed(folder: Path) -> Path:
    """A big TIFF, compressed."""
    tifffile.imwrite(folder / "packed.tif", FRAMES, bigtiff=True, compression="zlib", predictor=True)
    return folder / "packed.tif"


def write_imagej(folder: Path) -> Path:
    """A stack of ImageJ, with its interval and pixel size."""
    said = {"axes": "TYX", "finterval": 1 / 7.5, "unit": "um"}
    tifffile.imwrite(folder / "imagej.tif", FRAMES, imagej=True, metadata=said, resolution=(0.8, 0.8))
    return folder / "imagej.tif"


def write_ome(folder: Path) -> Path:
    """An OME-TIFF with times."""
    times_s = [k / 7.5 for k in range(30)]
    said = {"axes": "TYX", "TimeIncrement": 1 / 7.5, "PhysicalSizeX": 1.2, "Plane": {"DeltaT": times_s}}
    tifffile.imwrite(folder / "movie.ome.tif", FRAMES, metadata=said)
    return folder / "movie.ome.tif"


def write_scanimage(folder: Path) -> Path:
    """A classic TIFF whose software tag is ScanImage's header, and whose pages tell their times."""
    with tifffile.TiffWriter(folder / "scanimage.tif") as tif:
        for k, frame in enumerate(FRAMES):
            text = f"frameNumbers = {k + 1}\nframeTimestamps_sec = {k / 7.5:.6f}\n"
            tif.write(frame, description=text, software=SCANIMAGE, metadata=None, contiguous=False)
    return folder / "scanimage.tif"


def write_hdf5(folder: Path) -> Path:
    """HDF5, the frames in one piece."""
    with h5py.File(folder / "plain.h5", "w") as file:
        file["movie"] = FRAMES
    return folder / "plain.h5"


def write_packed_hdf5(folder: Path) -> Path:
    """HDF5, the frames in packed chunks with checksums."""
    with h5py.File(folder / "packed.h5", "w") as file:
        group = file.create_group("a/b")
        group.create_dataset("movie", data=FRAMES, chunks=(8, 32, 40), compression="gzip", fletcher32=True)
    return folder / "packed.h5"


def write_nwb(folder: Path) -> Path:
    """What of an NWB file is read: a series with a rate and its imaging plane."""
    with h5py.File(folder / "movie.nwb", "w") as file:
        series = file.create_group("acquisition/TwoPhotonSeries")
        series["data"] = FRAMES.swapaxes(1, 2)
        series["timestamps"] = np.arange(30) / 7.5
        series.create_group("imaging_plane")["grid_spacing"] = [1.5, 1.5]
        series["imaging_plane/grid_spacing"].attrs["unit"] = "micrometers"
    return folder / "movie.nwb"


def write_scanbox(folder: Path) -> Path:
    """An ``.sbx`` file; what is damaged is the ``.mat`` file beside it."""
    FRAMES.tofile(folder / "movie.sbx")
    info = {"sz": [32, 40], "resfreq": 7.5 * 512, "config": {"lines": 512}, "scanmode": 1, "channels": 2}
    scipy.io.savemat(folder / "movie.mat", {"info": info})
    return folder / "movie.sbx"


def write_bruker(folder: Path) -> Path:
    """A folder of Prairie View; what is damaged is its description."""
    own = folder / "bruker"
    own.mkdir()
    names = [f"bruker_Ch1_{k:06d}.ome.tif" for k in range(1, 31)]
    frames = "".join(BRUKER.format(t=k / 7.5, name=name) for k, name in enumerate(names))
    size = '<PVStateValue key="micronsPerPixel"><IndexedValue index="XAxis" value="1.2"/></PVStateValue>'
    sequence = f'<Sequence type="TSeries Timed Element">{frames}</Sequence>'
    (own / "bruker.xml").write_text(f'<PVScan version="5.5"><PVStateShard>{size}</PVStateShard>{sequence}</PVScan>')
    for name, frame in zip(names, FRAMES, strict=True):
        tifffile.imwrite(own / name, frame, metadata=None)
    return own


def write_thorlabs(folder: Path) -> Path:
    """A folder of ThorImage; what is damaged is its description."""
    own = folder / "thorlabs"
    own.mkdir()
    (own / "Experiment.xml").write_text(THORLABS)
    tifffile.imwrite(own / "Image_001.ome.tif", FRAMES, metadata={"axes": "TYX"})
    return own


DAMAGED = {"movie.sbx": "../movie.mat", "bruker": "bruker.xml", "thorlabs": "Experiment.xml"}
WRITERS = {
    write.__name__.removeprefix("write_"): write
    for write in (
        write_plain,
        write_packed,
        write_imagej,
        write_ome,
        write_scanimage,
        write_hdf5,
        write_packed_hdf5,
        write_nwb,
        write_scanbox,
        write_bruker,
        write_thorlabs,
    )
}


def damaged_file(movie: Path) -> Path:
    """The file with what the format says of itself."""
    return (movie / DAMAGED[movie.name]).resolve() if movie.name in DAMAGED else movie
