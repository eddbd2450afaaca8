"""Second-order effects: which pairs of neurons tell more about a latent together than the sum of either."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch

from dina.probing.statistics import adjusted

PENALTIES = tuple(10.0**exponent for exponent in np.arange(-3, 2.5, 0.5))  # in units of the kernel's mean eigenvalue
PAIR_WEIGHTS = (0.1, 0.3, 1.0)  # of the quadratic kernel beside the linear one, both of unit mean diagonal
N_NODES = 4  # exact where the Hessian is a polynomial of degree 7 along the way
MOST_IMAGES = 3000  # that a read-in is fitted to: its cost grows with their cube
WORKING_BYTES = 64 * 2**20  # of Hessians and their intermediate values at a time
BYTES = 4
TINY = np.finfo(np.float32).tiny  # in place of a scale of 0
NULL_TAIL = 0.025  # quantiles of the null in the table: the middle 95 %


def product_nodes(n: int) -> tuple[np.ndarray, np.ndarray]:
    """Nodes and weights of ``∫∫ αβ g(αβ) dα dβ`` over the unit square, exact for polynomials of degree 2n − 1.

    With ``u = αβ``, whose density is ``−ln u``, it is ``∫ −u ln(u) g(u) du`` over [0, 1]: Gauss quadrature of a weight
    whose moments are ``1 / (k + 2)²``, by its Jacobi matrix's eigenvalues (Golub & Welsch 1969, Math. Comput. 23:221).
    """
    moments = 1 / (np.arange(2 * n + 1) + 2.0) ** 2
    upper = np.linalg.cholesky(moments[np.add.outer(np.arange(n + 1), np.arange(n + 1))]).T
    ratio = np.diag(upper, 1) / np.diag(upper)[:-1]
    diagonal = ratio - np.r_[0, ratio[:-1]]
    beside = np.diag(upper)[1:-1] / np.diag(upper)[:-2]
    nodes, vectors = np.linalg.eigh(np.diag(diagonal) + np.diag(beside, 1) + np.diag(beside, -1))
    return nodes, moments[0] * vectors[0] ** 2


def integrated_hessians(
    function: Callable[[torch.Tensor], torch.Tensor],
    inputs: torch.Tensor,
    baselines: torch.Tensor,
    chosen: torch.Tensor,
    n_nodes: int = N_NODES,
) -> torch.Tensor:
    """Interactions of some inputs in a smooth function's way from the baselines.

    ``Γ_ij = (x_i − x'_i)(x_j − x'_j) ∫∫ αβ ∂²f/∂x_i∂x_j (x' + αβ (x − x')) dα dβ`` for i ≠ j: for a product of two
    inputs a quarter of it, as much again for ``Γ_ji``, and the rest lies on the diagonal, which is left out here. A
    function that bends at points only, such as ReLU, has none: use smooth activations. Cost: n · ``n_nodes`` ·
    (chosen + 1) backward passes for each output; memory ``WORKING_BYTES``, or that of one input.

    Parameters
    ----------
    function : (inputs,) to (units,), of one sample; differentiable by torch.func
    inputs, baselines : (n, inputs)
    chosen : (k,) indices

    Returns
    -------
    (units, n, k, k), symmetric, 0 on the diagonal

    References
    ----------
    Janizek et al. 2021, J. Mach. Learn. Res. 22:104.
    """
    nodes, weights = (inputs.new_tensor(values) for values in product_nodes(n_nodes))
    distance = (inputs - baselines)[:, chosen]

    def hessian(at: torch.Tensor) -> torch.Tensor:
        def of_chosen(values: torch.Tensor) -> torch.Tensor:
            return function(at.index_put((chosen,), values))

        return torch.func.jacrev(torch.func.jacrev(of_chosen))(at[chosen])

    points = (baselines + nodes[:, None, None] * (inputs - baselines)).flatten(0, 1)
    n_units = len(function(points[0]))
    at_once = max(1, WORKING_BYTES // (BYTES * n_units * (len(chosen) + 1) * inputs.shape[1]))
    found = torch.func.vmap(hessian, chunk_size=at_once)(points).detach().unflatten(0, (n_nodes, len(inputs)))
    total = torch.einsum("q,qnuij->unij", weights, found) * distance[:, :, None] * distance[:, None]
    return total - torch.diag_embed(total.diagonal(dim1=-2, dim2=-1))


@dataclass(frozen=True)
class Found:
    """Interactions in one target's read-in.

    Attributes
    ----------
    importance : (neurons,) mean magnitude of integrated gradients from 0 in the read-in, in the target's unit
    first, second : (pairs,) neurons, ``first`` the lower
    strength : (pairs,) mean magnitude over training images of the integrated Hessian from 0, with the effect's sign
    null_mean, null_low, null_high : (pairs,) mean and middle 95 % of the surrogates, which are not around 0: a read-in
        with pairs takes curved tuning that neurons share for some of them
    p, q : (pairs,) two-sided, and adjusted over the pairs
    """

    importance: np.ndarray
    first: np.ndarray
    second: np.ndarray
    strength: np.ndarray
    null_mean: np.ndarray
    null_low: np.ndarray
    null_high: np.ndarray
    p: np.ndarray
    q: np.ndarray


@dataclass(frozen=True)
class Fit:
    """Ridge in one kernel, by its eigenvalues: every target and penalty at the cost of two products.

    Attributes
    ----------
    kernel : of two sets of inputs
    weight : of its second-order part
    inputs : (images, neurons)
    values, basis : eigenvalues and eigenvectors of the inputs' kernel
    """

    kernel: Callable[[np.ndarray, np.ndarray, float], np.ndarray]
    weight: float
    inputs: np.ndarray
    values: np.ndarray
    basis: np.ndarray

    @classmethod
    def of(cls, kernel: Callable, weight: float, inputs: np.ndarray) -> Fit:
        """Decompose."""
        values, basis = np.linalg.eigh(kernel(inputs, inputs, weight))
        return cls(kernel, weight, inputs, np.maximum(values, 0), basis)

    def shrinkage(self, penalty: float) -> np.ndarray:
        """(images, 1) factors of a target's components in the dual weights."""
        return 1 / (self.values + penalty * self.values.mean())[:, None]

    def dual(self, targets: np.ndarray, penalty: float) -> np.ndarray:
        """(images, targets) weights of the images' kernels."""
        return self.basis @ (self.shrinkage(penalty) * (self.basis.T @ targets))

    def left_out(self, target: np.ndarray, penalty: float) -> tuple[np.ndarray, np.ndarray]:
        """Fitted values, and each image's residual of the fit without it: ``(y − ŷ) / (1 − h)``."""
        share = self.values[:, None] * self.shrinkage(penalty)
        told = self.basis @ (share[:, 0] * (self.basis.T @ target))
        return told, (target - told) / (1 - (self.basis**2 @ share)[:, 0])

    def errors(self, targets: np.ndarray, held_out: tuple[np.ndarray, np.ndarray]) -> np.ndarray:
        """(penalties, targets) mean squared errors on held-out images."""
        across = self.kernel(held_out[0], self.inputs, self.weight) @ self.basis
        rotated = self.basis.T @ targets
        told = (across @ (self.shrinkage(penalty) * rotated) for penalty in PENALTIES)
        return np.array([((held_out[1] - some) ** 2).mean(0) for some in told])


def pair_interactions(
    train: tuple[np.ndarray, np.ndarray],
    held_out: tuple[np.ndarray, np.ndarray],
    n_chosen: int,
    n_surrogates: int,
    seed: int,
) -> list[Found]:
    """Interactions of neurons in read-ins trained to tell targets, with p values from additive surrogates.

    The read-in ``ŷ = w·x + c xᵀ B x`` holds every neuron's line and square and every pair. It is fitted in closed form,
    as ridge in the kernel ``x·x' + c (x·x')²``, whose penalty and c validation images choose. Pairs are those of the
    neurons that matter most. A surrogate is what an additive read-in (lines and squares) tells, plus its
    leave-one-out residuals dealt out among images: main effects as they are, no interaction; the same read-in is fitted
    to it. A pair's strength is put in units of its own surrogates' s.d., and ranked among those of all pairs, each
    measured by the others of its pair: with 20 surrogates of 66 pairs p may be 1/1,321.

    Cost: images³ once, then for each target images² · surrogates + images · neurons; memory images² · 7. Beyond
    ``MOST_IMAGES`` images are thinned out.

    Parameters
    ----------
    train, held_out : (images, neurons) responses and (images, targets)

    Returns
    -------
    For each target what was found.

    References
    ----------
    Anderson & Legendre 1999, J. Stat. Comput. Simul. 62:271 (permuting residuals of a model without the effect).
    """
    step = max(1, -(-len(train[0]) // MOST_IMAGES))
    x, y, x_held, y_held = (values.astype(np.float64) for values in (*train, *held_out))
    x, y = x[::step], y[::step]
    unit = max(float(np.sqrt(np.mean((x**2).sum(1)))), TINY)  # so that the linear kernel's mean diagonal is 1
    centre, scale = y.mean(0), np.maximum(y.std(0), TINY)
    x, x_held, y, y_held = x / unit, x_held / unit, (y - centre) / scale, (y_held - centre) / scale
    fits = {kernel: [Fit.of(kernel, weight, x) for weight in PAIR_WEIGHTS] for kernel in (_paired, _additive)}
    best = {kernel: _best(some, y, (x_held, y_held)) for kernel, some in fits.items()}
    rng = np.random.default_rng(seed)
    return [
        _found(y[:, k], best[_paired][k], best[_additive][k], (n_chosen, n_surrogates), float(scale[k]), rng)
        for k in range(y.shape[1])
    ]


def _best(fits: list[Fit], y: np.ndarray, held_out: tuple[np.ndarray, np.ndarray]) -> list[tuple[Fit, float]]:
    """For each target the fit and the penalty that tell held-out images best."""
    errors = np.stack([fit.errors(y, held_out) for fit in fits])
    flat = errors.reshape(-1, y.shape[1]).argmin(0)
    return [(fits[k // len(PENALTIES)], PENALTIES[k % len(PENALTIES)]) for k in flat]


def _found(
    y: np.ndarray,
    paired: tuple[Fit, float],
    additive: tuple[Fit, float],
    sizes: tuple[int, int],
    scale: float,
    rng: np.random.Generator,
) -> Found:
    n_chosen, n_surrogates = sizes
    told, residual = additive[0].left_out(y, additive[1])
    surrogates = np.stack([told + rng.permutation(residual) for _ in range(n_surrogates)], 1)
    fit, penalty = paired
    dual, x = fit.dual(np.column_stack([y, surrogates]), penalty), fit.inputs
    effect = x * (dual[:, 0] @ x + fit.weight * ((x @ x.T) * dual[:, 0]) @ x)  # x (w + c B x)
    importance = scale * np.abs(effect).mean(0)
    chosen = np.sort(np.argsort(-importance, kind="stable")[:n_chosen])
    of = x[:, chosen]
    rows, columns = np.triu_indices(len(chosen), 1)
    products = of[:, rows] * of[:, columns]
    # second derivative times the mean magnitude of the product, times ∫∫ αβ
    strength = scale * 2 * fit.weight * (dual.T @ products) * np.abs(products).mean(0) * product_nodes(1)[1]
    p = pooled_p(strength[0], strength[1:])
    low, high = np.quantile(strength[1:], [NULL_TAIL, 1 - NULL_TAIL], axis=0)
    null = (strength[1:].mean(0), low, high)
    return Found(importance, chosen[rows], chosen[columns], strength[0], *null, p, adjusted(p))


def pooled_p(values: np.ndarray, null: np.ndarray) -> np.ndarray:
    """(pairs,) two-sided p values of (pairs,) values against (surrogates, pairs), pooled over pairs.

    Each pair is standardised by the mean and s.d. of its surrogates; each surrogate by those of the pair's others.
    Pairs whose surrogates never vary, those of a silent neuron, have p = 1 and stay out of the pool.
    """
    p, varies = np.ones(len(values)), np.ptp(null, axis=0) > 0
    values, null, n = values[varies], null[:, varies], len(null)
    mean, variance = null.mean(0), null.var(0)
    z = np.abs(values - mean) / np.sqrt(variance * n / (n - 1))
    mean_of_others = (n * mean - null) / (n - 1)
    square_of_others = (n * (variance + mean**2) - null**2) / (n - 1)
    spread_of_others = np.sqrt((square_of_others - mean_of_others**2) * (n - 1) / (n - 2))
    null_z = np.sort(np.abs(null - mean_of_others) / spread_of_others, axis=None)
    above = len(null_z) - np.searchsorted(null_z, z)
    p[varies] = (1 + above) / (1 + len(null_z))
    return p


def _paired(x: np.ndarray, others: np.ndarray, weight: float) -> np.ndarray:
    """The kernel of lines, squares and pairs."""
    product = x @ others.T
    return product + weight * product**2


def _additive(x: np.ndarray, others: np.ndarray, weight: float) -> np.ndarray:
    """The kernel of lines and squares; squares count for as much as all pairs of a neuron would."""
    return x @ others.T + weight * x.shape[1] * (x**2 @ (others**2).T)
