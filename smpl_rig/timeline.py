"""Derivatives over uneven times, and what it costs to bend a trajectory. Time is the last axis of every array."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.floating[Any]]
#: The diagonal and the two bands beside it: (J, T), (J, T-1), (J, T-2).
Bands = tuple[Floats, Floats, Floats]


#: How many moments tell the noise of a long motion.
_NOISE_SAMPLES = 400
#: How often the noise around a frame is told.
_NOISE_EVERY_S = 0.15
_ROUNDING_S = 1e-6
#: By the number of components.
_MEDIAN_OF_CHI_SQUARED = {1: 0.4549, 3: 2.366}


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
        self._since_first = np.concatenate(([0.0], np.cumsum(self.step)))  # (T,)
        # x'' at inner frame t = (x[t+1] - x[t]) after[t] - (x[t] - x[t-1]) before[t]
        self._before = 1 / (self.step[:-1] * within)
        self._after = 1 / (self.step[1:] * within)

    def second_derivative(self, steps: Floats) -> Floats:
        """Of a path given by its steps (..., T-1) from frame to frame -> (..., T-2), at the inner frames."""
        result: Floats = steps[..., 1:] * self._after
        result -= steps[..., :-1] * self._before
        return result

    def second_difference(self, path: Floats, reach_s: float) -> Floats:
        """The second derivative as told by places ``reach_s`` before and after: (..., T) -> (..., T-2).

        Near the ends it is that of the nearest frame with so much time on both sides; 0 if there is none.
        """
        times = self._since_first
        enough = np.flatnonzero((times >= reach_s) & (times <= times[-1] - reach_s))
        if not len(enough):
            return np.zeros((*path.shape[:-1], path.shape[-1] - 2))
        chosen = slice(enough[0], enough[-1] + 1)

        def at(moments: Floats) -> Floats:
            index = np.clip(np.searchsorted(times, moments, side="right") - 1, 0, len(times) - 2)
            part = (moments - times[index]) / self.step[index]
            before = np.take(path, index, axis=-1)
            after = np.take(path, index + 1, axis=-1)
            after -= before
            after *= part
            after += before
            return after

        inside = at(times[chosen] + reach_s)
        inside += at(times[chosen] - reach_s)
        inside -= 2 * path[..., chosen]
        inside /= reach_s**2
        around = (chosen.start - 1, len(times) - 1 - chosen.stop)
        return np.asarray(np.pad(inside, [(0, 0)] * (path.ndim - 1) + [around], mode="edge"))

    def noise_variance(self, path: Floats, spacing_s: float) -> Floats:
        """Of the noise in each component of paths (C, J, T) -> (J,); 0 where less than four spacings long.

        Five frames that lie about ``spacing_s`` apart are combined so that nothing is left of any cubic through them,
        and of noise that is forgotten within ``spacing_s`` as much as there is. Most of the time decides, not the
        moments in which the motion is fast.
        """
        count = int(np.searchsorted(self._since_first, self._last_of_five(spacing_s), side="right"))
        chosen = np.unique(np.linspace(0, count - 1, min(count, _NOISE_SAMPLES)).astype(int))
        left, _ = self._unlike_a_cubic(path, spacing_s, chosen)
        if not left.shape[-1]:
            return np.zeros(path.shape[-2])
        return np.asarray(np.median(left, axis=-1) / _MEDIAN_OF_CHI_SQUARED[len(path)])

    def noise_variance_around(
        self, path: Floats, spacing_s: float, reach_s: float, growth: float, most: float
    ) -> Floats:
        """The same, as a mean over the time around each inner frame: (C, J, T) -> (J, T-2).

        Args:
            path: (C, J, T).
            spacing_s: as :meth:`noise_variance` has it.
            reach_s: how long before and after a frame counts.
            growth: the noise's variance grows with this power of the spacing, by which it is told where frames lie
                farther apart.
            most: the result is never more.
        """
        times = self._since_first
        moments = np.arange(0, self._last_of_five(spacing_s), _NOISE_EVERY_S)
        chosen = np.unique(np.searchsorted(times, moments - self.step.min() / 2))
        left, five = self._unlike_a_cubic(path, spacing_s, chosen)
        if not left.shape[-1]:
            return np.zeros((path.shape[-2], len(times) - 2))
        apart = (times[five[:, -1]] - times[five[:, 0]]) / 4
        left *= np.minimum(spacing_s / apart, 1) ** growth / len(path)
        integral = np.concatenate((np.zeros((len(left), 1)), np.cumsum(left, axis=-1)), axis=-1)
        middle = times[five[:, 2]]
        start = np.searchsorted(middle, middle - reach_s)
        end = np.searchsorted(middle, middle + reach_s, side="right")
        around = np.minimum((integral[:, end] - integral[:, start]) / (end - start), most)
        nearest = np.searchsorted((middle[1:] + middle[:-1]) / 2, times[1:-1])
        return np.asarray(np.take(around, nearest, axis=-1))

    def _last_of_five(self, spacing_s: float) -> float:
        """When the last five frames begin that lie so far apart."""
        return float(self._since_first[-1] - 4 * spacing_s + _ROUNDING_S)

    def _unlike_a_cubic(
        self, path: Floats, spacing_s: float, first: NDArray[np.int_]
    ) -> tuple[Floats, NDArray[np.int_]]:
        """Squares (J, N) of what no cubic through five frames ``spacing_s`` apart explains, and the frames (N, 5).

        Args:
            path: (C, J, T).
            spacing_s: between the frames.
            first: (N,) frames; those are left out after which five do not follow.
        """
        times = self._since_first
        five = np.searchsorted(
            times, times[first, None] + spacing_s * np.arange(5) - self.step.min() / 2
        )  # the nearest
        five = np.maximum.accumulate(five - np.arange(5), axis=1) + np.arange(5)  # no frame twice
        five = five[five[:, -1] < len(times)]
        apart = times[five][:, :, None] - times[five][:, None, :] + np.eye(5)
        weights = 1 / apart.prod(axis=2)  # of the fourth divided difference
        weights /= np.linalg.norm(weights, axis=1, keepdims=True)
        left = np.zeros((*path.shape[:-1], len(five)))
        for frames, weight in zip(five.T, weights.T, strict=True):
            left += path.take(frames, axis=-1) * weight
        return np.einsum("cjn,cjn->jn", left, left), five

    def mean_around(self, values: Floats, reach_s: float) -> Floats:
        """Mean over the time from ``reach_s`` before to ``reach_s`` after each inner frame: (J, T-2) -> (J, T-2)."""
        edges = np.concatenate(([0.0], np.cumsum(self._within)))  # (T-1,) where one inner frame's share of time ends
        integral = np.concatenate((np.zeros((len(values), 1)), np.cumsum(values * self._within, axis=-1)), axis=-1)

        def until(times: Floats) -> Floats:
            index = np.clip(np.searchsorted(edges, times, side="right") - 1, 0, len(values[0]) - 1)
            part = (times - edges[index]) / self._within[index]
            before = np.take(integral, index, axis=-1)
            return np.asarray(before + part * (np.take(integral, index + 1, axis=-1) - before))

        middle = self._since_first[1:-1] - self.step[0] / 2  # where each inner frame lies among the edges
        start, end = np.maximum(middle - reach_s, 0), np.minimum(middle + reach_s, edges[-1])
        return np.asarray((until(end) - until(start)) / (end - start))

    def bending_force(self, stiffness: Floats, bend: Floats) -> Floats:
        """Half the gradient of the integral of ``stiffness |x''|^2`` in the steps of x from frame to frame.

        Args:
            stiffness: (J, T-2).
            bend: (..., J, T-2), x'' as :meth:`second_derivative` has it.

        Returns:
            (..., J, T-1).
        """
        # few large arrays: making one costs as much as filling it
        weighted = bend * (stiffness * self._within)
        force = np.empty((*bend.shape[:-1], bend.shape[-1] + 1))
        force[..., 0] = 0
        np.multiply(weighted, self._after, out=force[..., 1:])
        weighted *= self._before
        force[..., :-1] -= weighted
        return force

    def moving_force(self, drag: Floats, steps: Floats) -> Floats:
        """Half the gradient of the integral of ``drag |x'|^2`` in the steps: (J, T-1), (..., J, T-1) -> the latter."""
        return np.asarray(steps * (drag / self.step))

    def pull(self, force: Floats, others: Floats | float = 0.0) -> Floats:
        """What a force (..., T-1) in the steps does to the frames, against its gradient: (..., T).

        Args:
            force: half a gradient in the steps.
            others: (..., T), to which it is added.
        """
        pull = np.empty((*force.shape[:-1], force.shape[-1] + 1))
        pull[...] = others
        pull[..., :-1] += force
        pull[..., 1:] -= force
        return pull

    def bands(self, weight: Floats, stiffness: Floats, drag: Floats) -> Bands:
        """The matrix of the integral of ``weight |x|^2 + drag |x'|^2 + stiffness |x''|^2``.

        Args:
            weight: (J, T).
            stiffness: (J, T-2).
            drag: (J, T-1), from frame to frame.
        """
        moving = drag / self.step
        bending = stiffness * self._within
        before, after = self._before, self._after
        middle = before + after
        diagonal = weight * self.share
        diagonal[:, :-2] += bending * before**2
        diagonal[:, 1:-1] += bending * middle**2
        diagonal[:, 2:] += bending * after**2
        diagonal[:, :-1] += moving
        diagonal[:, 1:] += moving
        first = -moving
        first[:, :-1] -= bending * (before * middle)
        first[:, 1:] -= bending * (after * middle)
        return diagonal, first, np.asarray(bending * (before * after))
