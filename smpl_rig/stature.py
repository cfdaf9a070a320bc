"""How tall bodies stand, and the shapes with which they stand as tall as a person is known to.

One camera cannot tell somebody tall far away from somebody small near by. A known height settles it.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .body import Body
from .errors import LimberError
from .skeleton import BETA_COUNT

Floats = NDArray[np.floating[Any]]

#: Deviations of a shape coefficient up to which a body still looks like somebody: there, Limber's own has the short
#: legs and the large head of a child of four, or the long legs of the tallest people.
_MOST_DEVIATIONS = 8.0
#: How nearly a body has to stand as tall, metres.
_NEARLY_M = 1e-6
#: Steps after which it does: two or three, for with each, other vertices may be the highest and the lowest.
_MOST_STEPS = 100


class StatureError(LimberError):
    """A body cannot stand as tall as that."""


def stature(vertices: Floats) -> float:
    """Metres from the soles to the top of the head of vertices (V, 3) in the T-pose, body frame."""
    return float(np.ptp(vertices[:, 1]))


def check_reach(body: Body, height_m: float) -> None:
    """Whether a body can stand so tall and still look like somebody.

    Raises:
        StatureError: if not, saying between which heights it can.
    """
    _, taller = _measured(body, np.zeros(BETA_COUNT))
    farthest = taller * (_MOST_DEVIATIONS / max(np.abs(taller).max(), 1e-9))
    shortest, tallest = (stature(body.vertices_rest(sign * farthest)) for sign in (-1, 1))
    if not shortest <= height_m <= tallest:
        raise StatureError(
            f"The body '{body.name}' cannot stand {height_m:g} m tall: its shapes go from {shortest:.2f} to "
            f"{tallest:.2f} m. Give a height in metres between these, or none."
        )


def betas_of_height(body: Body, betas: ArrayLike, height_m: float) -> Floats:
    """The betas nearest to some (10,), in deviations, with which a body stands so tall.

    Newton's method: in each step the betas change along the gradient of the stature, the shortest way. (It is the
    shortest in all as far as the vertices that take turns at being the highest or the lowest move alike, as those of
    one head and of two soles do.)

    Raises:
        StatureError: if no shape of this body stands so tall.
    """
    shaped = np.array(betas, dtype=np.float64)
    for _ in range(_MOST_STEPS):
        standing, taller = _measured(body, shaped)
        missing = height_m - standing
        if abs(missing) <= _NEARLY_M:
            return shaped
        shaped += taller * (missing / max(float(taller @ taller), 1e-12))
    raise StatureError(f"No shape of the body '{body.name}' stands {height_m:g} m tall. Give another height, or none.")


def _measured(body: Body, betas: Floats) -> tuple[float, Floats]:
    """The stature in metres, and its change (10,) with each beta."""
    changes = body.shapedirs[:, 1].astype(np.float64)  # (V, 10)
    heights = body.v_template[:, 1] + changes @ betas
    top, sole = heights.argmax(), heights.argmin()
    return float(heights[top] - heights[sole]), changes[top] - changes[sole]
