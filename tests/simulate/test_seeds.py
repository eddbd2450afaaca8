import numpy as np

from dina.simulate.seeds import generator


def test_same_name_same_numbers_other_names_other_numbers():
    draws = {
        name: tuple(generator(*name).integers(0, 2**60, 4))
        for name in [
            (1, "spikes"),
            (2, "spikes"),
            (1, "motion"),
            (1, "spikes", 0),
            (1, "spikes", 1),
            (1, "spike", ord("s")),
        ]
    }
    assert tuple(generator(1, "spikes").integers(0, 2**60, 4)) == draws[1, "spikes"]
    assert len(set(draws.values())) == len(draws)


def test_streams_are_unrelated():
    first, second = (generator(3, "noise", 0, block).standard_normal(20_000) for block in (0, 1))
    assert abs(np.corrcoef(first, second)[0, 1]) < 0.03
