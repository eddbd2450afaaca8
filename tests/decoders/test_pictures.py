import numpy as np

from dina.decoders.pictures import shrink, similarity, whitenings


def test_shrinking_takes_the_mean_of_blocks():
    image = np.arange(16.0).reshape(1, 4, 4)
    np.testing.assert_allclose(shrink(image, 2)[0], [2.5, 4.5, 10.5, 12.5])


def test_sizes_that_do_not_fit_are_interpolated():
    ramp = np.tile(np.linspace(0, 1, 15, dtype=np.float32), (1, 15, 1))
    small = shrink(ramp, 4).reshape(4, 4)
    assert np.all(np.diff(small, axis=1) > 0.15)
    np.testing.assert_allclose(small.mean(), 0.5, atol=0.01)


def test_whitening_brings_training_pictures_to_unit_variance():
    rng = np.random.default_rng(0)
    pixels = rng.normal(size=(300, 40)) * np.linspace(5, 0.5, 40)
    pixels -= pixels.mean(0)
    none, *metrics = whitenings(pixels)
    assert len(none) == 0 and [len(metric) for metric in metrics] == [25, 40]
    components = pixels @ metrics[0].T
    np.testing.assert_allclose(components.T @ components, np.eye(25), atol=1e-4)


def test_whitening_sees_past_shading_that_all_share():
    rng = np.random.default_rng(1)
    shading, detail = np.ones(60), rng.normal(size=(200, 60)) * 0.1
    pixels = rng.normal(size=(200, 1)) * 5 * np.linspace(-1, 1, 60) * shading + detail
    pixels -= pixels.mean(0)
    blurred = pixels[:20] + rng.normal(size=(20, 1)) * np.linspace(-1, 1, 60)  # the shading is guessed wrong
    none, *_, whole = whitenings(pixels)
    right = [np.mean(similarity(blurred, pixels[:20], w).argmax(1) == np.arange(20)) for w in (none, whole)]
    assert right[1] == 1 > right[0]
