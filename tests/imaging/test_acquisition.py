"""The sheet completed from a header, and what neither may say."""

import pytest

from dina.errors import InputError, SettingsError
from dina.imaging.acquisition import complete
from dina.imaging.readers.pages import Header
from dina.settings import AcquisitionInfo


@pytest.mark.parametrize("header", [Header(frame_rate_hz=29.5), Header(volume_rate_hz=29.5)])
def test_the_headers_exact_rate_goes_before_the_sheets_rounded_one(header):
    assert complete(AcquisitionInfo(volume_rate_hz=30), header, "a.tif").volume_rate_hz == 29.5
    ignoring = AcquisitionInfo(volume_rate_hz=30, header="ignore")
    assert complete(ignoring, header, "a.tif").volume_rate_hz == 30
    with pytest.raises(InputError, match="found 31 Hz in the sheet; expected 29.5 Hz"):
        complete(AcquisitionInfo(volume_rate_hz=31), header, "a.tif")


@pytest.mark.parametrize(
    ("header", "rate_hz"),
    [
        (Header(frame_rate_hz=5), 5),
        (Header(frame_rate_hz=20, n_planes=3, n_flyback=1), 5),
        (Header(frame_rate_hz=20, volume_rate_hz=5, n_planes=4), 5),
    ],
)
def test_a_file_that_holds_one_plane_has_the_rate_of_volumes(header, rate_hz):
    stated = AcquisitionInfo(n_planes=2, separate_files=True)
    assert complete(stated, header, "a.tif").volume_rate_hz == rate_hz
    assert complete(AcquisitionInfo(n_planes=2), Header(frame_rate_hz=5), "a.tif").volume_rate_hz == 2.5


@pytest.mark.parametrize(
    ("stated", "header", "message"),
    [
        (
            {},
            Header(n_channels=5),
            "a.tif, from sheet and header: n_channels: found 5; expected less than or equal to 4",
        ),
        ({}, Header(n_planes=65), "a.tif, from sheet and header: n_planes: found 65"),
        ({"functional_channel": 2}, Header(n_channels=2), "header: functional_channel 2 is not among 2 channels"),
        ({"structural_channel": 1}, Header(n_channels=1), "header: structural_channel 1 is not among 1 channels"),
    ],
)
def test_headers_that_cannot_be_worked_on_are_told_by_name(stated, header, message):
    with pytest.raises(SettingsError, match=message):
        complete(AcquisitionInfo(**stated), header, "a.tif")


@pytest.mark.parametrize("rate_hz", [0.03, 30000])
def test_rates_of_no_microscope_are_refused(rate_hz):
    for stated, header in (({"volume_rate_hz": rate_hz}, Header()), ({}, Header(frame_rate_hz=rate_hz))):
        with pytest.raises(InputError, match="volume_rate_hz: found .* Hz; expected 0.1 to 1000 Hz"):
            complete(AcquisitionInfo(**stated), header, "a.tif")
