import numpy as np
import pytest

from dina.settings import ProtocolSettings
from dina.simulate.protocol import draw_protocol

SPLIT = np.repeat([0, 1, 2], [50, 10, 12])


def test_every_image_is_shown_as_often_as_asked():
    settings = ProtocolSettings(share_train_repeated=0.4, share_validation_repeated=0.5, test_repeats=3)
    shown = np.bincount(draw_protocol(settings, SPLIT, seed=1).image, minlength=len(SPLIT))
    assert np.bincount(shown[SPLIT == 0]).tolist() == [0, 30, 20]
    assert np.bincount(shown[SPLIT == 1]).tolist() == [0, 5, 5]
    assert np.all(shown[SPLIT == 2] == 3)


def test_onsets_and_length():
    settings = ProtocolSettings(duration_s=0.5, gap_s=0.3, gap_jitter_s=0.1, lead_s=7)
    protocol = draw_protocol(settings, SPLIT, seed=1)
    steps = np.diff(protocol.onset_s)
    assert protocol.onset_s[0] == 7
    assert steps.min() >= 0.7
    assert steps.max() <= 0.9
    assert steps.std() > 0.03
    assert protocol.total_s - protocol.onset_s[-1] == pytest.approx(0.8 + 7, abs=0.1)


def test_no_image_follows_itself_and_repeats_are_numbered():
    settings = ProtocolSettings(test_repeats=8)
    for seed in range(5):
        protocol = draw_protocol(settings, SPLIT, seed)
        assert np.all(np.diff(protocol.image) != 0)
        for image in range(len(SPLIT)):
            repeats = protocol.repeat[protocol.image == image]
            assert repeats.tolist() == list(range(len(repeats)))


def test_order_is_random_and_seeded():
    first, again, other = (draw_protocol(ProtocolSettings(), SPLIT, seed) for seed in (1, 1, 2))
    assert np.array_equal(first.image, again.image)
    assert not np.array_equal(first.image, other.image)
    assert abs(np.corrcoef(first.image, np.arange(len(first)))[0, 1]) < 0.3
