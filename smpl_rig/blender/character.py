"""A captured person in Blender: armature, skinned mesh, action, and the raw capture that they came from.

The raw Motion file lies, byte for byte, inside the action: ``action["limber"]["motion"]``. An action is a take, so
each take keeps its own; the property is saved with the .blend, copied with the action and appended with it, and needs
neither the backend nor a file. Nothing writes it again: smoothing starts from the raw capture every time.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import bpy
import numpy as np

from ..body import Body
from ..errors import LimberError
from ..motion import Motion
from ..refine import Refinement, check_smoothness, refine
from ..smoothness import DEFAULT_SMOOTHNESS
from .animation import keyed_smoothness, write_motion
from .armature import create_armature
from .mesh import create_mesh, floor_height

#: A group, so that Blender's interface offers no megabytes of text to draw.
PROPERTY = "limber"

#: A Motion's joints are stored in float32 and a body's regressor may differ in its last digits.
_SAME_JOINTS_M = 2e-3


class CharacterError(LimberError):
    """A character cannot be made of this, or this is not one."""


def build_character(
    scene: Any, motion: Motion, body: Body | None = None, name: str = "Person", smoothness: float = DEFAULT_SMOOTHNESS
) -> Any:
    """Makes a person in a new collection of the scene that is open.

    The keys lie at the scene's frame rate: call :func:`~smpl_rig.blender.animation.fit_scene` first where the scene may
    take the footage's.

    Args:
        scene: the ``bpy.types.Scene`` of the view layer in use.
        motion: the raw capture. It is kept in the action.
        body: the body that the motion's betas belong to; without one there is an armature and no mesh.
        name: of the collection, the armature, the mesh and the action.
        smoothness: 0 to 1, of the keys.

    Returns:
        The armature object.

    Raises:
        CharacterError: if the body is not the one the motion was captured with.
        LimberError: if smoothness is not within 0 and 1.
    """
    smooth = refine(motion, smoothness)
    if body is not None:
        _check_same_body(motion, body)
    collection = bpy.data.collections.new(name)
    scene.collection.children.link(collection)
    floor = float(motion.rest_joints[:, 1].min()) if body is None else floor_height(body, motion.betas)
    armature = create_armature(collection, name, motion.rest_joints, floor)
    if body is not None:
        create_mesh(collection, f"{name} mesh", body, motion.betas, armature)
    write_motion(armature, smooth)
    action = armature.animation_data.action
    action.use_fake_user = True
    action[PROPERTY] = {"motion": _to_bytes(motion)}
    return armature


def motion_of(armature: Any) -> Motion:
    """The raw capture behind the armature's action.

    Raises:
        CharacterError: if there is none.
    """
    action = armature.animation_data.action if armature.animation_data else None
    stored = action.get(PROPERTY) if action else None
    if stored is None or "motion" not in stored:
        raise CharacterError(
            f"'{armature.name}' holds no capture. Select the armature of a captured person, with its action assigned."
        )
    return _from_bytes(stored["motion"])


def apply_smoothness(armature: Any, smoothness: float, parts: Mapping[str, float] | None = None) -> None:
    """Rewrites the keys from the raw capture; 0 is the capture itself.

    Args:
        armature: a captured person's.
        smoothness: 0 to 1; where it is keyed (:func:`~smpl_rig.blender.animation.key_smoothness`), its keys count.
        parts: of the body that have a smoothness of their own, as :func:`~smpl_rig.refine.refine` has them.

    Raises:
        CharacterError: if the armature holds no capture.
        LimberError: if a smoothness is not within 0 and 1, or a part is unknown.
    """
    check_smoothness(smoothness, parts)
    refinement = _refinement(armature)
    keyed = keyed_smoothness(armature)
    if keyed is not None and len(keyed) == len(refinement.motion):
        write_motion(armature, refinement.at(keyed, parts))
    else:
        write_motion(armature, refinement.at(smoothness, parts))


def _refinement(armature: Any) -> Refinement:
    """Of the take, kept for the next time, because a slider that is dragged asks many times."""
    action = armature.animation_data.action if armature.animation_data else None
    if action is None or action.session_uid not in _refinements:
        refinement = Refinement(motion_of(armature))
        _refinements.clear()  # one take is worked on at a time, and long ones are large
        _refinements[armature.animation_data.action.session_uid] = refinement
    return _refinements[armature.animation_data.action.session_uid]


#: By the action's ``session_uid``. What it was made of never changes.
_refinements: dict[int, Refinement] = {}


def _check_same_body(motion: Motion, body: Body) -> None:
    apart = float(np.abs(body.rest_joints(motion.betas) - motion.rest_joints).max())
    if apart > _SAME_JOINTS_M:
        raise CharacterError(
            f"The motion was captured with the body '{motion.body}', and '{body.name}' has joints up to "
            f"{apart * 1000:.0f} mm away. Give the body that the capture used."
        )


def _to_bytes(motion: Motion) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "motion.npz"
        motion.save(path)
        return path.read_bytes()


def _from_bytes(data: bytes) -> Motion:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "motion.npz"
        path.write_bytes(data)
        return Motion.load(path)
