"""Traces and images from NWB 2 files as pynwb writes them, through the session to the stimuli."""

from datetime import UTC, datetime

import numpy as np
import pytest
from pynwb import NWBHDF5IO, NWBFile
from pynwb.base import ImageReferences, Images
from pynwb.image import GrayscaleImage, IndexSeries
from pynwb.ophys import DfOverF, Fluorescence, ImageSegmentation, OpticalChannel, RoiResponseSeries

from dina import stores
from dina.errors import InputError
from dina.recordings.importers.nwb import read_planes
from dina.recordings.importers.session import import_session
from dina.recordings.sheet import Recording
from dina.recordings.stimuli import prepare_stimuli, read_stimuli
from dina.settings import DeconvolutionSettings, StimuliSettings

N_FRAMES, N_ROIS, RATE_HZ = 300, 4, 10.0
BLANK = np.uint32(4294967295)  # -1 stored without a sign


def write_nwb(path, *, kinds=("Fluorescence", "Neuropil"), masks="image", planes=1, text="a test", ordered=False):
    """Series of one value an ROI; ROI k covers rows k to k + 1 and columns 5 to 7 of a frame of 12 × 20 px."""
    rng = np.random.default_rng(2)
    file = NWBFile(text, "test", datetime(2024, 1, 1, tzinfo=UTC))
    device = file.create_device("microscope")
    module = file.create_processing_module("ophys", "two-photon")
    segmentation = ImageSegmentation()
    module.add(segmentation)
    containers = {}
    for kind in kinds:
        held = containers[kind] = (DfOverF if kind == "DfOverF" else Fluorescence)(name=kind)
        module.add(held)
    for plane in range(planes):
        channel = OpticalChannel(name="green", description="emission", emission_lambda=520.0)
        imaged = file.create_imaging_plane(
            name=f"imaging{plane}", optical_channel=channel, description="V1", device=device,
            excitation_lambda=920.0, indicator="GCaMP6f", location="VISp",
        )  # fmt: skip
        table = segmentation.create_plane_segmentation(name=f"rois{plane}", description="ROIs", imaging_plane=imaged)
        for roi in range(N_ROIS):
            image = np.zeros((20, 12))  # x before y, as in the schema
            image[5:8, roi : roi + 2] = 0.5
            places = [(x, y, 0.5) for x, y in np.argwhere(image)]
            rows_first = [(y, x, w) for x, y, w in places]
            table.add_roi(
                **(
                    {"image_mask": image}
                    if masks == "image"
                    else {"pixel_mask": rows_first if "suite2p" in text else places}
                )
            )
        table.add_column("iscell", "chosen", data=np.array([[1, 0.9], [0, 0.2], [1, 0.8], [1, 0.7]]))
        region = table.create_roi_table_region(region=list(range(N_ROIS)), description="all")
        times = 1.5 + (np.arange(N_FRAMES) + plane / planes) / RATE_HZ
        for kind, held in containers.items():
            values = (
                rng.normal(size=(N_FRAMES, N_ROIS)) * (0.05 if kind == "DfOverF" else 1) + (kind != "DfOverF") * 100
            )
            timed = {"timestamps": times} if plane else {"starting_time": 1.5, "rate": RATE_HZ}
            series = RoiResponseSeries(name=f"plane{plane}", data=values, rois=region, unit="a.u.", **timed)
            held.add_roi_response_series(series)
    pictures = [
        GrayscaleImage(name=f"scene{k}", data=rng.integers(0, 256, (16, 16), dtype=np.uint8)) for k in range(24)
    ]
    turned = [pictures[k] for k in rng.permutation(24)]
    order = {"order_of_images": ImageReferences(name="order_of_images", data=turned)} if ordered else {}
    template = Images(name="scenes", images=pictures, description="shown", **order)
    file.add_stimulus_template(template)
    index = np.r_[np.arange(24), BLANK].astype(np.uint32)
    onsets = 2.0 + np.arange(25)
    file.add_stimulus(IndexSeries(name="shown", data=index, indexed_images=template, unit="N/A", timestamps=onsets))
    with NWBHDF5IO(path, "w") as out:
        out.write(file)
    return [image.data for image in (turned if ordered else pictures)]


def row_of(path, **cells):
    return Recording(recording="m", source="nwb", data=str(path), indicator="GCaMP6f", **cells)


def test_raw_fluorescence_and_images_of_one_file(tmp_path):
    path = tmp_path / "mouse.nwb"
    pictures = write_nwb(path, ordered=True)
    import_session(row_of(path), tmp_path / "session", DeconvolutionSettings())
    session = stores.checked(tmp_path / "session", verify=True)
    neurons = stores.read_table(session, "neurons")
    assert neurons["roi"].tolist() == [0, 2, 3]
    assert np.allclose(neurons[["y_px", "x_px"]], [[0.5, 6], [2.5, 6], [3.5, 6]])
    assert stores.read_array(session, "mean_image").shape == (1, 12, 20)
    assert np.allclose(stores.read_array(session, "frame_time_s")[0], 1.5 + np.arange(N_FRAMES) / RATE_HZ)
    assert "fluorescence less neuropil" in stores.read_attributes(session)["traces_are"]

    prepare_stimuli(path, path, tmp_path / "stimuli", StimuliSettings(image_size_px=16), movie=session)
    shown = read_stimuli(tmp_path / "stimuli")
    assert shown.onset.tolist() == (2.0 + np.arange(24)).tolist()
    for trial, picture in enumerate(pictures):
        assert np.allclose(shown.images[shown.image_index[trial]], picture / 255)


def test_dff_is_kept_and_planes_have_their_own_times(tmp_path):
    path = tmp_path / "mouse.nwb"
    write_nwb(path, kinds=("DfOverF", "Deconvolved"), planes=2)
    planes = read_planes(row_of(path))
    assert [plane.frame_time_s[0] for plane in planes] == [1.5, 1.55] and all(plane.is_dff for plane in planes)
    import_session(row_of(path), tmp_path / "session", DeconvolutionSettings())
    kept = planes[1].traces[[0, 2, 3]]
    assert np.array_equal(stores.read_array(tmp_path / "session", "dff")[3:], kept)
    with pytest.raises(InputError, match="found method network; expected oasis"):
        import_session(row_of(path), tmp_path / "session", DeconvolutionSettings(method="network"))


@pytest.mark.parametrize("text", ["a test", "suite2p_proc"])
def test_pixel_masks_of_either_order(tmp_path, text):
    """suite2p's writer puts rows first."""
    write_nwb(tmp_path / "mouse.nwb", masks="pixel", text=text)
    assert np.allclose(
        read_planes(row_of(tmp_path / "mouse.nwb"))[0].rois[["y_px", "x_px"]], [[k + 0.5, 6] for k in range(4)]
    )


def test_what_could_be_several_is_to_be_named(tmp_path):
    path = tmp_path / "mouse.nwb"
    write_nwb(path, kinds=("Fluorescence", "DfOverF"))
    with pytest.raises(InputError, match=r"2 series of traces .*Fluorescence/plane0.*Name one as dataset"):
        read_planes(row_of(path))
    for name in ("DfOverF", "DfOverF/plane0"):
        assert read_planes(row_of(path, dataset=name))[0].is_dff
    with pytest.raises(InputError, match=r"found 30 Hz in the sheet; expected 10 Hz"):
        read_planes(row_of(path, dataset="DfOverF", volume_rate_hz=30))
    with pytest.raises(InputError, match="no series of traces"):
        read_planes(row_of(path, dataset="nothing"))
