import numpy as np

from dina.decoders.pictures import shrink


def test_shrinking_takes_the_mean_of_blocks():
    image = np.arange(16.0).reshape(1, 4, 4)
    np.testing.assert_allclose(shrink(image, 2)[0], [2.5, 4.5, 10.5, 12.5])


def test_sizes_that_do_not_fit_are_interpolated():
    ramp = np.tile(np.linspace(0, 1, 15, dtype=np.float32), (1, 15, 1))
    small = shrink(ramp, 4).reshape(4, 4)
    assert np.all(np.diff(small, axis=1) > 0.15)
    np.testing.assert_allclose(small.mean(), 0.5, atol=0.01)
