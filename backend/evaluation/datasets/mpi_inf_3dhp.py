"""MPI-INF-3DHP's test set (Mehta et al. 2017), as published: ``mpi_inf_3dhp_test_set/TS{1..6}/annot_data.mat`` beside
``imageSequence/img_%06d.jpg``.

The files are of MATLAB 7.3, that is, HDF5, which reverses the axes: ``annot2`` (T, 1, 17, 2) pixels, ``univ_annot3``
(T, 1, 17, 3) millimetres in the camera's axes, scaled to one height for everybody, ``valid_frame`` (T, 1) and
``activity_annotation`` (T, 1), 1 to 7. As the VIBE family does, a frame counts if it is valid and all joints lie in the
picture, and the joints are the universal ones. The files do not state the frame rate; 25 is assumed.
"""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from .filmed import JOINT_SETS, DatasetError, FilmedPerson, boxes_about, entry, files, numbers

FRAME_RATE = Fraction(25)
MILLIMETRES = 1000.0
#: As the official evaluation calls them.
ACTIVITIES = (
    "Standing/Walking",
    "Exercising",
    "Sitting",
    "Reaching/Crouching",
    "On The Floor",
    "Sports",
    "Miscellaneous",
)
#: Width and height of the images; the first four sequences were filmed in the studio, the others outdoors.
_STUDIO, _OUTDOORS = (2048, 2048), (1920, 1080)
_JOINTS = JOINT_SETS["mpi_inf_3dhp_test"]


def read(folder: Path) -> Iterator[FilmedPerson]:
    """The person of every sequence.

    Raises:
        DatasetError: naming the file and what is wrong with it.
    """
    if (folder / "mpi_inf_3dhp_test_set").is_dir():
        folder = folder / "mpi_inf_3dhp_test_set"
    for path in files(folder, "TS*/annot_data.mat", "MPI-INF-3DHP's test set"):
        yield _person(path, _matlab(path))


def _matlab(path: Path) -> dict[str, NDArray[np.float64]]:
    try:
        import h5py  # noqa: PLC0415  (of an extra)
    except ImportError as error:
        raise DatasetError(
            "MPI-INF-3DHP is read with h5py. Install the extra: pip install 'limber[datasets]'."
        ) from error
    try:
        with h5py.File(path) as file:
            return {key: np.asarray(file[key]) for key in file if isinstance(file[key], h5py.Dataset)}
    except OSError as error:
        raise DatasetError(f"{path} is no file of MATLAB 7.3: {error}") from error


def _person(path: Path, data: dict[str, NDArray[np.float64]]) -> FilmedPerson:
    pixels = numbers(path, "annot2", entry(path, data, "annot2"), (None, 1, len(_JOINTS), 2))[:, 0]
    frames = len(pixels)
    joints = numbers(path, "univ_annot3", entry(path, data, "univ_annot3"), (frames, 1, len(_JOINTS), 3))[:, 0]
    valid = numbers(path, "valid_frame", entry(path, data, "valid_frame"), (frames, 1))[:, 0] > 0
    activities = numbers(path, "activity_annotation", entry(path, data, "activity_annotation"), (frames, 1))[:, 0]
    if not np.isin(activities, range(1, len(ACTIVITIES) + 1)).all():
        raise DatasetError(f"{path}: 'activity_annotation' holds numbers outside 1 to {len(ACTIVITIES)}.")
    size = _OUTDOORS if path.parent.name in {"TS5", "TS6"} else _STUDIO
    inside = ((pixels >= 0) & (pixels < size)).all(axis=(1, 2))
    return FilmedPerson(
        name=path.parent.name,
        actions=np.array(ACTIVITIES)[activities.astype(int) - 1],
        images=path.parent / "imageSequence" / "img_%06d.jpg",
        first_image=1,
        stride=1,
        frame_rate=FRAME_RATE,
        boxes=boxes_about(pixels, np.ones(pixels.shape[:2], dtype=bool)),
        valid=valid & inside,
        joint_names=_JOINTS,
        joints=joints.astype(np.float64) / MILLIMETRES,
    )
