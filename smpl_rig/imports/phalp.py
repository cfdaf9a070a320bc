"""PHALP's tracks (Rajasegaran et al. 2022), as 4D-Humans writes them: a file of joblib, ``demo_*.pkl``.

For each picture, by its path: ``time`` (its number) and lists with one entry for each person: ``tid``, ``bbox`` (4,)
pixels, ``tracked_time`` (frames since the person was last seen), ``smpl`` with rotation matrices ``global_orient``
(1, 3, 3), ``body_pose`` (23, 3, 3) and ``betas`` (10,), ``camera`` (3,), ``size`` [height, width]. Poses and
translations are in the axes of a camera whose focal length is 5000 pixels when the square round the picture has 256
(``EXTRA.FOCAL_LENGTH`` and ``render.res`` of its settings). What it adds for people it does not see is left out.

So long a lens makes every error of the scale many metres of depth. The depth is brought to a camera with the picture's
diagonal as its focal length, in which the person is as large and at the same place of the picture.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from .. import rotations
from .content import Content, Floats, ImportedFileError, mapping, numbers
from .smpl_result import FROM_CAMERA, Filming, SmplResult, guessed_camera

#: The focal length as a multiple of the picture's longer side.
FOCAL_OF_SIDE = 5000 / 256


def is_phalp(content: Content) -> bool:
    return bool(content) and all(hasattr(frame, "keys") and "tid" in frame for frame in content.values())


def phalp_people(content: Content, frame_rate: float) -> list[SmplResult]:
    """The people of a file, in the order in which they are first seen.

    Raises:
        ImportedFileError: naming the picture and the key that is wrong.
    """
    sightings: dict[int, dict[int, _Sighting]] = {}
    for path, frame in content.items():
        for seen in _sightings(mapping(frame, str(path)), str(path)):
            sightings.setdefault(seen.track, {})[seen.frame] = seen
    if not sightings:
        raise ImportedFileError("There is nobody in the file: all its lists 'tid' are empty.")
    tracks = [[frames[number] for number in sorted(frames)] for frames in sightings.values()]
    return [_person(track, number, frame_rate) for number, track in enumerate(tracks)]


@dataclass(frozen=True, eq=False)
class _Sighting:
    """Somebody in a picture: number and track, (24, 3, 3), (10,), (3,), (4,), (2,) width and height."""

    frame: int
    track: int
    matrices: Floats
    betas: Floats
    camera: Floats
    box: Floats
    size: Floats


def _sightings(content: Content, path: str) -> list[_Sighting]:
    frame = int(numbers(content, "time", (), path))
    tracks = _list(content, "tid", path)
    times, people, cameras, boxes, sizes = (
        _list(content, key, path, len(tracks)) for key in ("tracked_time", "smpl", "camera", "bbox", "size")
    )
    found = []
    for index, track in enumerate(tracks):
        if float(numbers({"tracked_time": times[index]}, "tracked_time", (), path)) > 0:
            continue
        smpl = mapping(people[index], f"{path}: Key 'smpl'")
        parts = [
            numbers(smpl, key, (count, 3, 3), f"{path}: smpl")
            for key, count in (("global_orient", 1), ("body_pose", 23))
        ]
        height_width = numbers({"size": sizes[index]}, "size", (2,), path)
        if height_width.min() < 1:
            raise ImportedFileError(f"{path}: Key 'size' is {height_width}, expected a height and a width in pixels.")
        found.append(
            _Sighting(
                frame=frame,
                track=int(numbers({"tid": track}, "tid", (), path)),
                matrices=np.concatenate(parts),
                betas=numbers(smpl, "betas", (10,), f"{path}: smpl"),
                camera=numbers({"camera": cameras[index]}, "camera", (3,), path),
                box=numbers({"bbox": boxes[index]}, "bbox", (4,), path),
                size=height_width[::-1],
            )
        )
    return found


def _list(content: Content, key: str, path: str, length: int | None = None) -> list[Any]:
    if key not in content:
        raise ImportedFileError(f"{path}: Key '{key}' is missing.")
    value = content[key]
    if not isinstance(value, list | tuple):
        raise ImportedFileError(f"{path}: Key '{key}' holds a {type(value).__name__}, expected a list.")
    if length is not None and len(value) != length:
        raise ImportedFileError(f"{path}: Key '{key}' has {len(value)} entries, 'tid' has {length}.")
    return list(value)


def _person(track: list[_Sighting], number: int, frame_rate: float) -> SmplResult:
    size = track[0].size
    K = guessed_camera(*size)
    trans = np.stack([seen.camera for seen in track])
    trans[:, 2] *= K[0, 0] / (FOCAL_OF_SIDE * size.max())
    local = rotations.make_continuous(rotations.from_matrix(np.stack([seen.matrices for seen in track])))
    return SmplResult(
        source="phalp",
        person=number,
        local_rotations=local,
        trans=trans,
        world_from_file=FROM_CAMERA,
        times_s=np.array([seen.frame for seen in track]) / frame_rate,
        frame_rate=frame_rate,
        betas=np.mean([seen.betas for seen in track], axis=0),
        filming=Filming(
            orientation=local[:, 0],
            trans=trans,
            K=K,
            image_size=np.rint(size).astype(np.int64),
            boxes=np.stack([seen.box for seen in track]),
        ),
    )
