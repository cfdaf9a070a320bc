"""Weights and crops out of a generator whose numbers are the same for ever, with this program and without it."""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor


def uniform(seed: int, *shape: int) -> NDArray[np.float64]:
    """In [0, 1). The raw numbers of a bit generator are guaranteed not to change with NumPy's version."""
    raw = np.random.PCG64(seed).random_raw(int(np.prod(shape, dtype=int)) or 1)
    return (np.asarray(raw, dtype=np.uint64) >> np.uint64(11)).reshape(shape) * 2.0**-53


def authored_weights(expected: dict[str, Tensor]) -> dict[str, Tensor]:
    """For tensors of these names and shapes, such that neither do signals die out nor does any layer go without."""
    weights = {}
    for seed, (name, tensor) in enumerate(sorted(expected.items())):
        numbers = uniform(seed, *tensor.shape)
        if tensor.ndim == 4:
            numbers = (2 * numbers - 1) * (2 / np.prod(tensor.shape[1:])) ** 0.5
        elif name.endswith(("weight", "running_var")):
            numbers = 0.5 + numbers
        elif name.endswith("num_batches_tracked"):
            numbers = np.zeros(())
        else:
            numbers = 0.4 * numbers - 0.2
        weights[name] = torch.from_numpy(np.asarray(numbers)).to(tensor.dtype)
    return weights


def authored_crops(count: int, side: int) -> Tensor:
    """(count, 3, side, side), normalised."""
    return torch.from_numpy(4 * uniform(1234, count, 3, side, side) - 2).float()
