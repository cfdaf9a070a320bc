"""Any file of motion that is understood, as Motions: one for each person or take in it.

Which program wrote a pickle or an archive is told by its keys; nothing is unpickled but what
:mod:`smpl_rig.pickles` allows.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from ..alignment import align
from ..asf_amc_reader import FRAME_RATE as ACCLAIM_RATE
from ..asf_amc_reader import read_asf_amc, skeleton_beside
from ..bvh_reader import read_bvh
from ..errors import LimberError
from ..gltf_reader import read_gltf
from ..motion import Motion
from ..pickles import read_pickle
from ..skeletal_motion import SkeletalMotion
from .aist import FRAME_RATE as AIST_RATE
from .aist import aist_people, is_aist
from .amass import SHAPE_KEYS, amass_people
from .archives import archive_keys, is_amass, read_archive, read_keys, skeletal_motion
from .content import Content, ImportedFileError, mapping
from .gvhmr import ARCHIVE_KEYS, gvhmr_archive_people, gvhmr_people, is_gvhmr, is_gvhmr_archive
from .phalp import is_phalp, phalp_people
from .placing import Provenance, Wearer, place_pose, place_result
from .smpl_result import ASSUMED_RATE, SmplResult
from .vibe import is_vibe, vibe_people
from .wham import is_wham, wham_people

#: Endings of files that can be read here.
SUFFIXES = (".bvh", ".amc", ".glb", ".gltf", ".npz", ".pkl")
#: Endings of files that torch wrote; the backend reads them.
TORCH_SUFFIXES = (".pt", ".pth")

_Reader = Callable[[Content, float], list[SmplResult]]
#: How results are told apart, who reads them, and the frame rate that they are taken to have.
_LAYOUTS: tuple[tuple[Callable[[Content], bool], _Reader, float], ...] = (
    (is_aist, aist_people, AIST_RATE),
    (is_gvhmr, gvhmr_people, ASSUMED_RATE),
    (is_wham, wham_people, ASSUMED_RATE),
    (is_vibe, vibe_people, ASSUMED_RATE),
    (is_phalp, phalp_people, ASSUMED_RATE),
)


def read_motions(
    path: Path, wearer: Wearer, frame_rate: float | None = None, skeleton: Path | None = None
) -> list[Motion]:
    """Every person or take of a file.

    Args:
        path: a file with one of :data:`SUFFIXES`.
        wearer: the body.
        frame_rate: of files that do not tell theirs; None takes what is usual for them.
        skeleton: the ``.asf`` of an ``.amc``; None looks beside it.

    Raises:
        LimberError: naming the file, and the key that is wrong.
    """
    if not path.is_file():
        found = "is a folder" if path.is_dir() else "does not exist"
        raise ImportedFileError(f"{path} {found}. Choose a file of motion ({', '.join(SUFFIXES)}).")
    with _named(path):
        return _read(path, wearer, frame_rate, skeleton)


@contextmanager
def _named(path: Path) -> Iterator[None]:
    """Errors name the file."""
    try:
        yield
    except MemoryError as error:
        raise ImportedFileError(f"{path.name} holds, or claims to hold, more than fits into the memory.") from error
    except LimberError as error:
        if path.name in str(error):
            raise
        raise ImportedFileError(f"{path.name}: {error}") from error


def _read(path: Path, wearer: Wearer, frame_rate: float | None, skeleton: Path | None) -> list[Motion]:
    match path.suffix.lower():
        case ".bvh":
            _refuse_rate(path, frame_rate)
            return [_carried_over(path, read_bvh(path), wearer, "bvh")]
        case ".amc":
            found = read_asf_amc(skeleton or skeleton_beside(path), path, frame_rate or ACCLAIM_RATE)
            return [_carried_over(path, found, wearer, "asf/amc")]
        case ".asf":
            raise ImportedFileError(f"{path.name} is a skeleton without motion. Choose the .amc that goes with it.")
        case ".glb" | ".gltf":
            _refuse_rate(path, frame_rate)
            takes = enumerate(read_gltf(path).values())
            return [_carried_over(path, motion, wearer, "gltf", number) for number, motion in takes]
        case ".npz":
            return _archived(path, wearer, frame_rate)
        case ".pkl" | ".pickle":
            try:
                content = read_pickle(path)
            except OSError as error:
                raise ImportedFileError(f"{path.name} cannot be read: {error.strerror}.") from error
            return read_content(path, content, wearer, frame_rate)
        case ending if ending in TORCH_SUFFIXES:
            raise ImportedFileError(f"{path.name} was written by torch. Convert it first: limber import {path.name}.")
        case ending:
            raise ImportedFileError(
                f"{path.name} ends in '{ending}', expected one of {', '.join(SUFFIXES)}. Blender, for one, writes "
                "other programs' files as .bvh or .glb."
            )


def read_content(path: Path, content: object, wearer: Wearer, frame_rate: float | None = None) -> list[Motion]:
    """The people in what a pickle, or a file of torch, held.

    Raises:
        LimberError: if its keys are nobody's layout, or naming the key that is wrong.
    """
    with _named(path):
        found = mapping(content, "The file")
        for is_this, people_of, usual_rate in _LAYOUTS:
            if is_this(found):
                return _placed(path, people_of(found, frame_rate or usual_rate), wearer)
    keys = ", ".join(f"'{str(key)[:40]}'" for key in list(found)[:5])
    raise ImportedFileError(
        f"{path.name} has the keys {keys or 'of nothing'}, which are not those of WHAM, VIBE, PHALP, GVHMR or AIST++."
    )


def _archived(path: Path, wearer: Wearer, frame_rate: float | None) -> list[Motion]:
    keys = archive_keys(path)
    if is_gvhmr_archive(keys):
        arrays = read_keys(path, ARCHIVE_KEYS)
        return _placed(path, gvhmr_archive_people(arrays, frame_rate or ASSUMED_RATE), wearer)
    _refuse_rate(path, frame_rate)
    if "limber" in keys:
        return [Motion.load(path)]
    arrays = read_archive(path)
    if is_amass(arrays):
        return _placed(path, amass_people(arrays | read_keys(path, SHAPE_KEYS)), wearer)
    return [_carried_over(path, skeletal_motion(arrays), wearer, "skeleton")]


def _placed(path: Path, people: list[SmplResult], wearer: Wearer) -> list[Motion]:
    file = (path.name, _sha256(path))
    return [place_result(person, wearer, file) for person in people]


def _carried_over(path: Path, motion: SkeletalMotion, wearer: Wearer, source: str, number: int = 0) -> Motion:
    body = wearer.body
    pose = align(motion, body.rest_joints([0.0] * body.shapedirs.shape[-1])).smpl_pose()
    return place_pose(pose, body, motion.frame_rate, Provenance(source, (path.name, _sha256(path)), number))


def _refuse_rate(path: Path, frame_rate: float | None) -> None:
    if frame_rate is not None:
        raise ImportedFileError(f"{path.name} tells its own frame rate. Leave the given one ({frame_rate:g}) out.")


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
