import torch

from dina.training.batches import shuffled_batches, silence_neurons


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def test_one_pass_holds_every_trial_once():
    batches = list(shuffled_batches(23, 5, generator()))
    assert [len(b) for b in batches] == [5, 5, 5, 5, 3]
    assert torch.equal(torch.cat(batches).sort().values, torch.arange(23))
    assert all(torch.equal(a, b) for a, b in zip(batches, shuffled_batches(23, 5, generator()), strict=True))


def test_a_rest_of_one_has_no_negatives_and_is_left_out():
    assert [len(b) for b in shuffled_batches(11, 5, generator())] == [5, 5]


def test_silencing_keeps_the_mean_and_silences_the_share():
    z = torch.ones(400, 50)
    silenced = silence_neurons(z, 0.3, generator())
    assert abs(float((silenced == 0).float().mean()) - 0.3) < 0.02
    assert abs(float(silenced.mean()) - 1) < 0.02
    assert silence_neurons(z, 0.0, generator()) is z
