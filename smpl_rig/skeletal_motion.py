"""Motion of a skeleton of any kind, as files bring it: joints with any names, any number of them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from . import rotations
from .errors import LimberError

Floats = NDArray[np.floating[Any]]


#: Nobody's motion has more frames: an hour and more at 120 frames per second. A damaged file may claim any number.
MOST_FRAMES = 500_000
#: Frames per second that cameras and motion capture have.
RATES = (0.1, 10_000.0)
#: No angle, length or number of a frame is larger.
LARGEST = 1e9


class SkeletalMotionError(LimberError):
    """A motion cannot be read, or holds what no skeleton can do."""


def check_values(values: Floats, what: str) -> None:
    """Refuses what cannot have been measured.

    Raises:
        SkeletalMotionError: naming what holds too many frames, or values that are not finite or far too large.
    """
    if values.ndim and len(values) > MOST_FRAMES:
        raise SkeletalMotionError(f"{what} has {len(values)} frames, expected {MOST_FRAMES} at most. Cut the file.")
    wrong = ~(np.abs(values) <= LARGEST)  # what is no number is not smaller either
    if wrong.any():
        row = int(np.argwhere(wrong)[0, 0]) if values.ndim else 0
        kind = f"larger than {LARGEST:g}" if np.isfinite(values).all() else "that are not finite numbers"
        raise SkeletalMotionError(f"{what} holds values {kind}, first in row {row}.")


def check_rate(rate: float, what: str) -> None:
    """Refuses rates that nothing has.

    Raises:
        SkeletalMotionError: naming the rate.
    """
    if not RATES[0] <= rate <= RATES[1]:
        raise SkeletalMotionError(f"{what} is {rate:g}, expected {RATES[0]:g} to {RATES[1]:g} frames per second.")


@dataclass(frozen=True, eq=False)
class SkeletalMotion:
    """J joints over T frames. At rest every joint has the axes of the world: the identity is the rest pose.

    With local rotations R and places x, G_j = G_parent R_j and p_j = p_parent + G_parent x_j.

    Attributes:
        names: of the joints; a parent comes before its children.
        parents: index of each joint's parent, -1 for the first joint alone.
        offsets: (J, 3) from the parent at rest, in the file's own unit of length and axes.
        local_rotations: (T, J, 4) unit quaternions.
        local_positions: (T, J, 3) from the parent, in its axes; the first joint's in the world. Bones that keep their
            length stay at ``offsets``.
        frame_rate: frames per second.
    """

    names: tuple[str, ...]
    parents: tuple[int, ...]
    offsets: Floats
    local_rotations: Floats
    local_positions: Floats
    frame_rate: float

    def __post_init__(self) -> None:
        """Checks that this is a tree of joints over frames.

        Raises:
            SkeletalMotionError: naming what is wrong.
        """
        count = len(self.names)
        if count == 0:
            raise SkeletalMotionError("The skeleton has no joints.")
        if len(set(self.names)) < count:
            twice = next(name for name in self.names if self.names.count(name) > 1)
            raise SkeletalMotionError(f"Two joints are called '{twice}'.")
        parents = self.parents
        if len(parents) != count or parents[0] != -1 or not all(0 <= parents[j] < j for j in range(1, count)):
            raise SkeletalMotionError(
                "'parents' must hold -1 for the first joint and, for every other, the index of a joint before it."
            )
        frames = np.shape(self.local_rotations)[0] if np.ndim(self.local_rotations) else 0
        if frames == 0:
            raise SkeletalMotionError("The motion has no frames.")
        shapes = {"offsets": (count, 3), "local_rotations": (frames, count, 4), "local_positions": (frames, count, 3)}
        for key, shape in shapes.items():
            array = np.asarray(getattr(self, key))
            if array.shape != shape:
                raise SkeletalMotionError(f"'{key}' has shape {array.shape}, expected {shape}.")
            check_values(array, f"'{key}'")
            object.__setattr__(self, key, array.astype(np.float64, copy=False))
        lengths = np.linalg.norm(self.local_rotations, axis=-1)
        if abs(lengths - 1).max() > 1e-2:
            raise SkeletalMotionError("'local_rotations' holds quaternions that are not of length one.")
        object.__setattr__(self, "local_rotations", self.local_rotations / lengths[..., None])
        check_rate(self.frame_rate, "The frame rate")

    def __len__(self) -> int:
        return len(self.local_rotations)

    def forward_kinematics(self) -> tuple[Floats, Floats]:
        """Rotations from rest (T, J, 4) and positions (T, J, 3) of the joints in the world."""
        turned, positions = np.empty_like(self.local_rotations), np.empty_like(self.local_positions)
        for joint, parent in enumerate(self.parents):
            rotation, place = self.local_rotations[:, joint], self.local_positions[:, joint]
            if parent < 0:
                turned[:, joint], positions[:, joint] = rotation, place
            else:
                turned[:, joint] = rotations.multiply(turned[:, parent], rotation)
                positions[:, joint] = positions[:, parent] + rotations.rotate(turned[:, parent], place)
        return turned, positions

    def rest_positions(self) -> Floats:
        """(J, 3) joints of the rest pose, the first at its offset."""
        positions = np.zeros_like(self.offsets)
        for joint, parent in enumerate(self.parents):
            positions[joint] = self.offsets[joint] + (positions[parent] if parent >= 0 else 0)
        return positions

    def with_rest(self, rest: Floats) -> SkeletalMotion:
        """The same motion counted from another rest pose.

        Args:
            rest: (J, 4) rotations of the joints in the world, counted from the present rest, that become the identity.
                A rig whose bones have axes of their own is brought to the world's axes by the bones' rest rotations.
        """
        above = np.stack([rest[parent] if parent >= 0 else rotations.IDENTITY for parent in self.parents])  # (J, 4)
        turned = rotations.multiply(above, rotations.multiply(self.local_rotations, rotations.conjugate(rest)))
        return replace(
            self,
            offsets=rotations.rotate(above, self.offsets),
            local_rotations=turned,
            local_positions=rotations.rotate(above, self.local_positions),
        )

    def frames(self, chosen: slice | NDArray[np.bool_]) -> SkeletalMotion:
        """Some of the frames."""
        return replace(self, local_rotations=self.local_rotations[chosen], local_positions=self.local_positions[chosen])

    def path(self, descendant: int, ancestor: int) -> tuple[int, ...]:
        """The joints from the one below ``ancestor`` down to ``descendant``; none if they are the same.

        Raises:
            SkeletalMotionError: if the one does not hang on the other.
        """
        found: list[int] = []
        joint = descendant
        while joint != ancestor:
            if joint < 0:
                raise SkeletalMotionError(
                    f"Joint '{self.names[descendant]}' does not hang on '{self.names[ancestor]}'."
                )
            found.append(joint)
            joint = self.parents[joint]
        return tuple(reversed(found))


def rigid_motion(
    names: tuple[str, ...],
    parents: tuple[int, ...],
    offsets: Floats,
    local_rotations: Floats,
    root_positions: Floats,
    frame_rate: float,
) -> SkeletalMotion:
    """Motion of a skeleton whose bones keep their lengths; only the first joint has a path, (T, 3)."""
    local_positions = np.tile(np.asarray(offsets, dtype=np.float64), (len(local_rotations), 1, 1))
    if np.shape(root_positions) != local_positions[:, 0].shape:
        raise SkeletalMotionError(
            f"'root_positions' has shape {np.shape(root_positions)}, expected {local_positions[:, 0].shape}."
        )
    local_positions[:, 0] = root_positions
    return SkeletalMotion(names, parents, offsets, local_rotations, local_positions, frame_rate)
