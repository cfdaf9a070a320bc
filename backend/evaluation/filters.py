"""The filters that people put on captured motion, for comparison: each with one strength and its other constants."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter1d
from scipy.signal import butter, savgol_filter, sosfiltfilt

Floats = NDArray[np.floating[Any]]


@dataclass(frozen=True)
class Filter:
    """One kind.

    Attributes:
        name: as people know it.
        strengths: from hardly any smoothing to a lot.
        constants: what else can be chosen.
        run: filters (T, ...) values along time; takes frames per second, a strength and a constant.
    """

    name: str
    strengths: tuple[float, ...]
    constants: tuple[float, ...]
    run: Callable[[Floats, float, float, float], Floats]


def gaussian(values: Floats, rate: float, deviation_s: float, _: float) -> Floats:
    """Of a standard deviation in seconds."""
    return np.asarray(gaussian_filter1d(values, deviation_s * rate, axis=0, mode="nearest"))


def savitzky_golay(values: Floats, rate: float, window_s: float, order: float) -> Floats:
    """Polynomials of an order, over a window in seconds."""
    longest = (len(values) - 1) // 2
    half = max(min(round(window_s * rate / 2), longest), int(order) // 2 + 1)
    return np.asarray(savgol_filter(values, 2 * half + 1, int(order), axis=0))


def butterworth(values: Floats, rate: float, cutoff_hz: float, order: float) -> Floats:
    """Of an order, forwards and backwards, so without delay."""
    sections = butter(int(order), min(cutoff_hz, 0.49 * rate), fs=rate, output="sos")
    return np.asarray(sosfiltfilt(sections, values, axis=0))


def one_euro(values: Floats, rate: float, least_cutoff_hz: float, beta: float) -> Floats:
    """Casiez et al. 2012, algorithm 1, with their derivative's cutoff of 1 Hz; the only one here that works live."""

    def part(cutoff_hz: Floats | float) -> Any:
        return 1 / (1 + rate / (2 * np.pi * cutoff_hz))

    result = values.copy()
    speed = np.zeros_like(values[0])
    for frame in range(1, len(values)):
        speed = speed + part(1.0) * ((values[frame] - values[frame - 1]) * rate - speed)
        result[frame] = result[frame - 1] + part(least_cutoff_hz + beta * np.abs(speed)) * (
            values[frame] - result[frame - 1]
        )
    return result


CLASSICAL: tuple[Filter, ...] = (
    Filter("Gaussian", (0.012, 0.02, 0.028, 0.037, 0.05, 0.067, 0.09, 0.12), (0.0,), gaussian),
    Filter("Savitzky-Golay", (0.1, 0.17, 0.23, 0.3, 0.37, 0.5, 0.63, 0.83), (1, 2, 3, 4), savitzky_golay),
    Filter("Butterworth", (14, 11, 8.5, 6.5, 5, 3.8, 2.8, 2), (1, 2, 4), butterworth),
    Filter("One-Euro", (30, 15, 8, 5, 3, 2, 1.2, 0.7), (0.0, 0.3, 1.0, 3.0, 10.0), one_euro),
)
