"""Files that a movie points at: when one of them is replaced, work on the movie begins anew."""

import h5py
import numpy as np
import pytest
import tifffile

from dina.imaging.readers.formats import files_beside, with_files_beside

FRAMES = np.random.default_rng(0).integers(0, 60000, (8, 40, 48)).astype(np.uint16)


def write_plain(folder):
    tifffile.imwrite(folder / "movie.tif", FRAMES, photometric="minisblack")
    tifffile.imwrite(folder / "other.tif", FRAMES, photometric="minisblack")
    return "movie.tif", []


def write_scanbox(folder):
    for name in ("movie.sbx", "movie.mat"):
        (folder / name).touch()
    return "movie.sbx", ["movie.mat"]


def write_set(folder, names=("movie.ome.tif", "part_1.ome.tif")):
    data = "".join(f'<TiffData><UUID FileName="{name}">urn:{name}</UUID></TiffData>' for name in (*names, "absent.tif"))
    xml = f'<OME xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06"><Image><Pixels>{data}</Pixels></Image></OME>'
    for name in names:
        tifffile.imwrite(folder / name, FRAMES, description=xml, metadata=None, photometric="minisblack")
    return names[0], list(names[1:])


def write_virtual(folder):
    with h5py.File(folder / "part.h5", "w") as file:
        file["movie"] = FRAMES
    layout = h5py.VirtualLayout(FRAMES.shape, FRAMES.dtype)
    layout[:] = h5py.VirtualSource("part.h5", "movie", FRAMES.shape)
    with h5py.File(folder / "movie.h5", "w") as file:
        file.create_virtual_dataset("movie", layout)
    return "movie.h5", ["part.h5"]


def write_external(folder):
    """NWB that points at the first file of an OME set, which points at the second, and beside it at a film of eyes."""
    first, rest = write_set(folder)
    (folder / "eye.mp4").touch()
    with h5py.File(folder / "movie.nwb", "w") as file:
        for name, target in (("Movie", first), ("Eye", "eye.mp4")):
            series = file.create_group(f"acquisition/{name}")
            series["external_file"] = np.array([target.encode()])
            series["data"] = np.empty((0, 0, 0), np.uint8)
        file["acquisition/Movie/imaging_plane"] = 0
    return "movie.nwb", [first, *rest]


def write_linked(folder):
    """NWB whose frames are a link to another file's."""
    with h5py.File(folder / "frames.h5", "w") as file:
        file["frames"] = FRAMES
    with h5py.File(folder / "movie.nwb", "w") as file:
        series = file.create_group("acquisition/Movie")
        series["imaging_plane"] = 0
        series["data"] = h5py.ExternalLink("frames.h5", "frames")
    return "movie.nwb", ["frames.h5"]


@pytest.mark.parametrize(
    "write",
    [write_plain, write_scanbox, write_set, write_virtual, write_external, write_linked],
    ids=lambda of: of.__name__,
)
def test_files_pointed_at_are_found(tmp_path, write):
    name, beside = write(tmp_path)
    assert files_beside(tmp_path / name) == [tmp_path / other for other in beside]
    assert with_files_beside([tmp_path / name]) == [tmp_path / other for other in (name, *beside)]


def test_a_set_of_which_all_files_are_named_counts_once(tmp_path):
    names = [f"part_{number}.ome.tif" for number in range(3)]
    write_set(tmp_path, names)
    assert with_files_beside([tmp_path / name for name in names]) == [tmp_path / name for name in names]


@pytest.mark.parametrize("suffix", [".tif", ".h5", ".nwb"])
def test_damaged_and_absent_files_are_left_to_their_readers(tmp_path, suffix):
    path = tmp_path / f"movie{suffix}"
    assert files_beside(path) == []
    path.write_bytes(b"II*\0 and no more than that")
    assert files_beside(path) == []
