"""Which joint of a foreign skeleton is which of SMPL's: one JSON file for each family of names, beside this file.

A map names the ends of limbs only. What lies between (spine, neck, collars, twist bones) is found in the tree, so that
one map serves chains of any number of joints. A name may be a list: the first that the skeleton has is meant.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from .skeletal_motion import SkeletalMotion, SkeletalMotionError

FOLDER = Path(__file__).parent / "joint_maps"
#: Without these no pose can be told.
REQUIRED: tuple[str, ...] = (
    "pelvis",
    "head",
    *(f"{side}_{joint}" for side in ("left", "right") for joint in ("hip", "knee", "ankle")),
    *(f"{side}_{joint}" for side in ("left", "right") for joint in ("shoulder", "elbow", "wrist")),
)
#: These make it better: where toes bend, the middle finger's first knuckle, a joint of the thumb.
OPTIONAL: tuple[str, ...] = tuple(
    f"{side}_{joint}" for side in ("left", "right") for joint in ("foot", "hand", "thumb")
)


@dataclass(frozen=True)
class JointMap:
    """A family of names.

    Attributes:
        name: the file's.
        about: where such names are met.
        joints: for each of :data:`REQUIRED` and :data:`OPTIONAL`, what it may be called.
    """

    name: str
    about: str
    joints: dict[str, tuple[str, ...]]

    def found_in(self, motion: SkeletalMotion) -> dict[str, str]:
        """What the joints are called in this skeleton, those left out that it has not."""
        bare = {_bare(name): name for name in reversed(motion.names)}
        return {
            joint: next(bare[name] for name in names if name in bare)
            for joint, names in self.joints.items()
            if any(name in bare for name in names)
        }


@cache
def joint_maps() -> tuple[JointMap, ...]:
    """All families, in the order of their names."""
    return tuple(read_joint_map(path) for path in sorted(FOLDER.glob("*.json")))


def read_joint_map(path: Path) -> JointMap:
    """Reads one family's file.

    Raises:
        SkeletalMotionError: naming the key that is wrong.
    """
    content = json.loads(path.read_text(encoding="utf-8"))
    joints = content.get("joints", {})
    missing = [joint for joint in REQUIRED if joint not in joints]
    if missing:
        raise SkeletalMotionError(f"{path.name} lacks the joint '{missing[0]}'.")
    unknown = [joint for joint in joints if joint not in REQUIRED + OPTIONAL]
    if unknown:
        raise SkeletalMotionError(f"{path.name} names '{unknown[0]}', which is none of the joints of a map.")
    names = {joint: (value,) if isinstance(value, str) else tuple(value) for joint, value in joints.items()}
    return JointMap(path.stem, content.get("about", ""), names)


def recognise(motion: SkeletalMotion) -> dict[str, str]:
    """The names, in this skeleton, of SMPL's joints, by the first family that has all it needs.

    Raises:
        SkeletalMotionError: if no family's names fit.
    """
    best: dict[str, str] = {}
    for family in joint_maps():
        found = family.found_in(motion)
        if all(joint in found for joint in REQUIRED):
            return found
        best = max(best, found, key=len)
    lacking = [joint for joint in REQUIRED if joint not in best]
    raise SkeletalMotionError(
        f"The skeleton's joints ({', '.join(motion.names[:6])}, ...) fit no known family of names; the nearest lacks "
        f"{', '.join(lacking[:4])}. Add a file to {FOLDER.name}/ that names them."
    )


def _bare(name: str) -> str:
    """Without what some programs put before a colon ("mixamorig:Hips")."""
    return name.rsplit(":", maxsplit=1)[-1]
