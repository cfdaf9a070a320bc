"""Keyframes. Nothing else in the project creates or changes an F-curve.

Frame 1 is the footage's time 0, so that several people and the footage behind them stay in step. A key lies at its
frame's true time at the scene's rate: on whole frames where the footage has a constant rate and the scene has the same,
and between frames where it does not.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import bpy
import numpy as np
from numpy.typing import NDArray

from .. import rotations
from ..motion import Motion
from ..skeleton import JOINT_NAMES
from .armature import bone_rotations, pelvis_locations, rest_rotations

Array = NDArray[Any]

FIRST_FRAME = 1

#: A property of the armature, which only its curve in the action gives a meaning.
SMOOTHNESS = "limber_smoothness"
_SMOOTHNESS_PATH = f'["{SMOOTHNESS}"]'

#: Containers round timestamps (to 1 ms in WebM and Matroska); a constant rate shows through at this tolerance.
_WHOLE_FRAME_TOLERANCE = 0.1
#: Blender keeps a key's frame in single precision.
_SAME_FRAME = 1e-3


def frame_rate(scene: Any) -> float:
    """Frames per second: ``fps / fps_base``."""
    rate: float = scene.render.fps / scene.render.fps_base
    return rate


def set_frame_rate(scene: Any, frames_per_second: float) -> None:
    """Sets any rate exactly; 30000/1001 becomes 30 over 1.001."""
    scene.render.fps = max(1, round(frames_per_second))
    scene.render.fps_base = scene.render.fps / frames_per_second


def frames_at(timestamps_s: Array, frames_per_second: float) -> Array:
    """(T,) seconds -> (T,) frame numbers, whole where the times are those of a constant rate."""
    frames = FIRST_FRAME + np.asarray(timestamps_s, dtype=np.float64) * frames_per_second
    whole = np.rint(frames)
    is_constant = np.abs(frames - whole).max() <= _WHOLE_FRAME_TOLERANCE and bool((np.diff(whole) > 0).all())
    return whole if is_constant else frames


def fit_scene(scene: Any, *motions: Motion) -> None:
    """Gives the scene the footage's rate, and a range that holds all of these takes of it."""
    set_frame_rate(scene, motions[0].mocap_framerate)
    scene.frame_start, scene.frame_end = _first_and_last_frame(scene, motions)


def widen_scene(scene: Any, *motions: Motion) -> None:
    """Has the scene's range hold these takes, too; its rate stays, for others are keyed at it."""
    first, last = _first_and_last_frame(scene, motions)
    scene.frame_start, scene.frame_end = min(scene.frame_start, first), max(scene.frame_end, last)


def _first_and_last_frame(scene: Any, motions: Sequence[Motion]) -> tuple[int, int]:
    frames = np.concatenate([frames_at(motion.timestamps_s, frame_rate(scene)) for motion in motions])
    return int(np.floor(frames.min())), int(np.ceil(frames.max()))


def take_frames(armature: Any, motion: Motion) -> Array:
    """(T,) frame numbers of a captured person's take: where its keys lie, also after the user has moved them all.

    Where keys were added or taken away, or there are none, they are the footage's times at the scene's rate.
    """
    curves, _ = _curves_of(armature)
    curve = curves.find(f'pose.bones["{JOINT_NAMES[0]}"].location')
    if curve is None or len(curve.keyframe_points) != len(motion):
        return frames_at(motion.timestamps_s, frame_rate(armature.users_scene[0]))
    return _key_frames(curve).astype(np.float64)


def write_motion(armature: Any, motion: Motion) -> None:
    """Keys the pose bones; called again, it changes the values of the keys that are there and leaves their times.

    Args:
        armature: an object made by :func:`~smpl_rig.blender.armature.create_armature`, linked to a scene, whose rate
            decides where new keys lie.
        motion: in the frame of the armature object.
    """
    frames = frames_at(motion.timestamps_s, frame_rate(armature.users_scene[0]))
    # in single precision, as Blender keeps keys
    turns = bone_rotations(rotations.exp(motion.rotation_vectors), rest_rotations(armature))
    channels = {f'pose.bones["{name}"].rotation_quaternion': turns[:, joint] for joint, name in enumerate(JOINT_NAMES)}
    channels[f'pose.bones["{JOINT_NAMES[0]}"].location'] = pelvis_locations(motion.pelvis_world, armature)
    write_curves(armature, channels, frames)


def key_smoothness(armature: Any, frame: float, smoothness: float) -> None:
    """Sets a key of the take's smoothness, so that it can change over time; the curve is made with the first one."""
    if SMOOTHNESS not in armature:
        armature[SMOOTHNESS] = smoothness
        armature.id_properties_ui(SMOOTHNESS).update(min=0.0, max=1.0, description="Smoothness of the captured motion")
    curves, groups = _curves_of(armature)
    curve = curves.find(_SMOOTHNESS_PATH)
    if curve is None:
        curve = curves.new(_SMOOTHNESS_PATH)
        curve.group = _group(groups, _SMOOTHNESS_PATH)
    curve.keyframe_points.insert(frame, smoothness)
    armature.update_tag()


def forget_smoothness_keys(armature: Any) -> None:
    """Takes the curve of the smoothness away, if there is one."""
    curves, _ = _curves_of(armature)
    curve = curves.find(_SMOOTHNESS_PATH)
    if curve is not None:
        curves.remove(curve)
    if SMOOTHNESS in armature:
        del armature[SMOOTHNESS]


def is_smoothness_keyed(armature: Any) -> bool:
    """Whether the take's smoothness has keys. Changes nothing, so that a panel may ask."""
    animation = armature.animation_data
    if SMOOTHNESS not in armature or animation is None or animation.action is None:
        return False
    if bpy.app.version < (4, 4, 0):
        curve = animation.action.fcurves.find(_SMOOTHNESS_PATH)
    else:
        strips = [strip for layer in animation.action.layers for strip in layer.strips]
        channelbag = strips[0].channelbag(animation.action_slot) if strips and animation.action_slot else None
        curve = channelbag.fcurves.find(_SMOOTHNESS_PATH) if channelbag else None
    return curve is not None and len(curve.keyframe_points) > 0


def keyed_smoothness(armature: Any) -> Array | None:
    """The smoothness at each of the take's (T,) keys; None where it is not keyed."""
    if not is_smoothness_keyed(armature):
        return None
    curves, _ = _curves_of(armature)
    curve = curves.find(_SMOOTHNESS_PATH)
    frames = _key_frames(curves.find(f'pose.bones["{JOINT_NAMES[0]}"].location'))
    return np.clip([curve.evaluate(frame) for frame in frames], 0, 1)


def write_curves(owner: Any, channels: Mapping[str, Array], frames: Array) -> None:
    """Writes linear keys in bulk into the owner's action, which is made when there is none.

    A curve that already has as many keys keeps their times, handles and groups, and takes the new values.

    Args:
        owner: any object.
        channels: by RNA path, (T, n) values of a property with n components.
        frames: (T,) increasing frame numbers.
    """
    curves, groups = _curves_of(owner)
    linear = _keyframe_enum("interpolation", "LINEAR")
    automatic = _keyframe_enum("handle_left_type", "AUTO_CLAMPED")
    for path, values in channels.items():
        for component in range(values.shape[1]):
            curve = curves.find(path, index=component)
            if curve is None:
                curve = curves.new(path, index=component)
                curve.group = _group(groups, path)
            keys = curve.keyframe_points
            points = np.empty((len(frames), 2), dtype=np.float32)
            interpolations = np.full(len(frames), linear, dtype=np.uint8)  # Blender's own type, of which it copies all
            is_there = len(keys) == len(frames)
            if is_there:
                keys.foreach_get("co", points.reshape(-1))
                keys.foreach_get("interpolation", interpolations)
            else:
                keys.clear()
                keys.add(len(frames))
                points[:, 0] = frames
                keys.foreach_set("interpolation", interpolations)
                for side in ("handle_left_type", "handle_right_type"):
                    keys.foreach_set(side, np.full(len(frames), automatic, dtype=np.uint8))
            points[:, 1] = values[:, component]
            keys.foreach_set("co", points.reshape(-1))
            # handles mean nothing between linear keys, and setting them costs more than all the rest
            if not is_there or (interpolations != linear).any():
                curve.update()
    if channels:
        curve.update()  # one tells Blender that the action has changed
    owner.update_tag()


def move_keys(owner: Any, paths: Collection[str], frames: Array) -> None:
    """Brings the keys of these RNA paths to (T,) increasing frame numbers, where there are as many keys."""
    curves, _ = _curves_of(owner)
    for curve in curves:
        keys = curve.keyframe_points
        if curve.data_path not in paths or len(keys) != len(frames):
            continue
        points = np.empty((len(frames), 2), dtype=np.float32)
        keys.foreach_get("co", points.reshape(-1))
        if np.abs(points[:, 0] - frames).max() < _SAME_FRAME:
            continue
        points[:, 0] = frames
        keys.foreach_set("co", points.reshape(-1))
        curve.update()


def remove_curves(owner: Any, paths: Collection[str]) -> list[str]:
    """Takes the curves of these RNA paths out of the owner's action.

    Returns:
        The paths that had any.
    """
    curves, _ = _curves_of(owner)
    removed = [curve for curve in curves if curve.data_path in paths]
    found = list(dict.fromkeys(curve.data_path for curve in removed))
    for curve in removed:
        curves.remove(curve)
    return found


def animated_paths(owner: Any) -> list[str]:
    """The RNA paths that the owner's action has curves for, each once."""
    if owner.animation_data is None or owner.animation_data.action is None:
        return []
    curves, _ = _curves_of(owner)
    return list(dict.fromkeys(curve.data_path for curve in curves))


def sampled_curves(owner: Any, rest: Mapping[str, Array], frames: Array) -> dict[str, Array]:
    """By RNA path, (T, n) values at (T,) frames of the owner's action; what has no curve is at rest, (n,)."""
    curves, _ = _curves_of(owner)
    sampled = {}
    for path, values in rest.items():
        sampled[path] = np.tile(np.asarray(values, dtype=np.float64), (len(frames), 1))
        for component in range(len(values)):
            curve = curves.find(path, index=component)
            if curve is not None:
                sampled[path][:, component] = _values_at(curve, frames)
    return sampled


def keys_digest(owner: Any) -> str:
    """Tells whether two states of the owner's action have the same keys."""
    curves, _ = _curves_of(owner)
    digest = hashlib.blake2b(digest_size=16)
    for curve in sorted(curves, key=lambda curve: (curve.data_path, curve.array_index)):
        points = np.empty(2 * len(curve.keyframe_points), dtype=np.float32)
        curve.keyframe_points.foreach_get("co", points)
        digest.update(f"{curve.data_path} {curve.array_index} {len(points)}".encode())
        digest.update(points.tobytes())
    return digest.hexdigest()


def _values_at(curve: Any, frames: Array) -> Array:
    """(T,) values; those of the keys themselves where they lie at these frames."""
    keys = curve.keyframe_points
    if len(keys) == len(frames):
        points = np.empty((len(frames), 2), dtype=np.float32)
        keys.foreach_get("co", points.reshape(-1))
        if np.abs(points[:, 0] - frames).max() < _SAME_FRAME:
            return points[:, 1].astype(np.float64)
    return np.array([curve.evaluate(float(frame)) for frame in frames])


def _key_frames(curve: Any) -> Array:
    """(T,) frame numbers."""
    points = np.empty(2 * len(curve.keyframe_points), dtype=np.float32)
    curve.keyframe_points.foreach_get("co", points)
    return points[::2]


def _curves_of(owner: Any) -> tuple[Any, Any]:
    """The F-curves and groups of the owner's action, wherever this version of Blender keeps them."""
    animation = owner.animation_data or owner.animation_data_create()
    if animation.action is None:
        animation.action = bpy.data.actions.new(owner.name)
    action = animation.action
    if bpy.app.version < (4, 4, 0):
        return action.fcurves, action.groups
    if animation.action_slot is None:
        animation.action_slot = action.slots.new(id_type=owner.id_type, name=owner.name)
    layer = action.layers[0] if action.layers else action.layers.new("Layer")
    strip = layer.strips[0] if layer.strips else layer.strips.new(type="KEYFRAME")
    channelbag = strip.channelbag(animation.action_slot, ensure=True)
    return channelbag.fcurves, channelbag.groups


def _group(groups: Any, path: str) -> Any:
    """Curves are grouped as Blender groups them: by bone, else by property of the object."""
    if path == _SMOOTHNESS_PATH:
        return groups.get("Limber") or groups.new("Limber")
    name = path.split('"')[1] if path.startswith("pose.bones[") else "Object Transforms"
    return groups.get(name) or groups.new(name)


def _keyframe_enum(attribute: str, value: str) -> int:
    number: int = bpy.types.Keyframe.bl_rna.properties[attribute].enum_items[value].value
    return number
