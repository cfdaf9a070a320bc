"""Derivatives over uneven times, and what it costs to bend a trajectory. Time is the last axis of every array."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.floating[Any]]
#: The diagonal and the two bands beside it: (J, T), (J, T-1), (J, T-2).
Bands = tuple[Floats, Floats, Floats]


class Timeline:
    """T times, at least three.

    Args:
        times_s: (T,) strictly increasing.
    """

    def __init__(self, times_s: Floats) -> None:
        self.step: Floats = np.diff(times_s)  # (T-1,)
        within = (self.step[:-1] + self.step[1:]) / 2  # (T-2,) each inner frame's share of time
        self.share: Floats = np.concatenate((self.step[:1] / 2, within, self.step[-1:] / 2))  # (T,)
        self._within = within
        # x'' at inner frame t = (x[t+1] - x[t]) after[t] - (x[t] - x[t-1]) before[t]
        self._before = 1 / (self.step[:-1] * within)
        self._after = 1 / (self.step[1:] * within)

    def second_derivative(self, steps: Floats) -> Floats:
        """Of a path given by its steps (..., T-1) from frame to frame -> (..., T-2), at the inner frames."""
        result: Floats = steps[..., 1:] * self._after - steps[..., :-1] * self._before
        return result

    def bending_gradient(self, stiffness: Floats, steps: Floats) -> Floats:
        """Half the gradient of the integral of ``stiffness |x''|^2`` in x.

        Args:
            stiffness: (J, T-2).
            steps: (..., J, T-1) of the path x.

        Returns:
            (..., J, T).
        """
        weighted = self.second_derivative(steps) * (stiffness * self._within)
        gradient = np.zeros((*steps.shape[:-1], steps.shape[-1] + 1))
        pull = weighted * self._before
        gradient[..., :-2] += pull
        gradient[..., 1:-1] -= pull
        pull = weighted * self._after
        gradient[..., 1:-1] -= pull
        gradient[..., 2:] += pull
        return gradient

    def bands(self, weight: Floats, stiffness: Floats) -> Bands:
        """The matrix of the integral of ``weight |x|^2 + stiffness |x''|^2``: (J, T), (J, T-2) -> its bands."""
        bending = stiffness * self._within
        before, after = self._before, self._after
        middle = before + after
        diagonal = weight * self.share
        diagonal[:, :-2] += bending * before**2
        diagonal[:, 1:-1] += bending * middle**2
        diagonal[:, 2:] += bending * after**2
        first = np.zeros((len(diagonal), len(self.step)))
        first[:, :-1] -= bending * (before * middle)
        first[:, 1:] -= bending * (after * middle)
        return diagonal, first, np.asarray(bending * (before * after))
