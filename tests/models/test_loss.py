import math

import pytest
import torch

from dina.models.loss import info_nce, pairwise_sigmoid


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
    found = info_nce(similarity, ids, torch.tensor(scale))
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


def test_repeats_are_positives():
    """Two showings each: the mean over all positive pairs, of which the negatives are other images."""
    similarity_to_image = torch.randn(12, 6, generator=torch.Generator().manual_seed(2))
    ids = torch.arange(6).repeat(2)
    similarity = similarity_to_image[:, ids]  # both trials of an image show the same picture
    total, n = 0.0, 0
    for i in range(12):
        for j in torch.nonzero(ids == ids[i]).flatten():
            for line, own in ((similarity[i], j), (similarity[:, j], i)):
                negatives = line[ids != ids[i]].exp().sum()
                total -= torch.log(line[own].exp() / (line[own].exp() + negatives))
                n += 1
    torch.testing.assert_close(info_nce(similarity, ids, torch.tensor(1.0)), total / n)


def test_sigmoid_equals_the_formula():
    similarity, ids = batch(12, 5)
    found = pairwise_sigmoid(similarity, ids, torch.tensor(2.0), torch.tensor(-1.5))
    total = 0.0
    for i in range(12):
        for j in range(12):
            sign = 1 if ids[i] == ids[j] else -1
            total -= math.log(1 / (1 + math.exp(-sign * (2.0 * float(similarity[i, j]) - 1.5))))
    assert float(found) == pytest.approx(total / 12, rel=1e-5)
