import math

import pytest
import torch

from dina.models.loss import SymmetricInfoNCE, info_nce


def batch(n, n_images, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(n, n, generator=generator), torch.randint(n_images, (n,), generator=generator)


def by_hand(similarity, ids, scale):
    n, total = len(ids), 0.0
    for i in range(n):
        for line in (similarity[i], similarity[:, i]):
            own = math.exp(scale * float(line[i]))
            others = sum(math.exp(scale * float(line[j])) for j in range(n) if ids[j] != ids[i])
            total -= math.log(own / (own + others))
    return total / (2 * n)


@pytest.mark.parametrize("n_images", [3, 1000])
@pytest.mark.parametrize("scale", [0.5, 1.0, 5.0])
def test_equals_the_formula(n_images, scale):
    similarity, ids = batch(12, n_images)
    found = SymmetricInfoNCE()(similarity, ids, torch.tensor(scale))
    assert float(found) == pytest.approx(by_hand(similarity, ids.tolist(), scale), rel=1e-5)


def test_treats_images_and_responses_alike():
    similarity, ids = batch(10, 5)
    one = torch.tensor(3.0)
    torch.testing.assert_close(info_nce(similarity, ids, one), info_nce(similarity.T, ids, one))


def test_repeats_are_never_negatives():
    similarity, ids = batch(8, 1000)
    ids[3] = ids[5]
    raised = similarity.clone()
    raised[3, 5] = raised[5, 3] = 50.0
    one = torch.tensor(1.0)
    torch.testing.assert_close(info_nce(raised, ids, one), info_nce(similarity, ids, one))
    ids[3] = ids.max() + 1
    assert info_nce(raised, ids, one) > info_nce(similarity, ids, one) + 1


def test_gradients_are_finite_with_repeats():
    similarity, ids = batch(8, 2)
    similarity.requires_grad_()
    info_nce(similarity, ids, torch.tensor(2.0)).backward()
    assert torch.isfinite(similarity.grad).all()
