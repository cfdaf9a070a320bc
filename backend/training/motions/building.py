"""Making the library from folders of motion, once: it is kept in the cache under the hash of its files."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from backend.body import BODY_NAME, limber_body
from backend.cache import cache_folder
from smpl_rig.body import Body

from . import split as split_table
from .library import VERSION, Library, LibraryError, read_library
from .reading import Clip, Take, motion_files, read_takes, stature

Floats = NDArray[np.floating[Any]]

#: A file within a library's folder.
_Found = tuple[Path, Path]  # the folder, the file
#: Is told how many files are done, and of how many.
Progress = Callable[[int, int], None]


def _no_progress(_done: int, _of: int) -> None:
    """For those who do not watch."""


def load_library(folders: Sequence[str | Path], progress: Progress = _no_progress) -> Library:
    """The library of all motion in folders: BVH, glTF, archives of skeletons, AMASS.

    It is made when its files are seen for the first time, and read from the user's cache after that.

    Args:
        folders: searched with all that lies in them.
        progress: is told files done and files in all.

    Raises:
        LibraryError: if a folder is missing, or there is no motion that can be used.
    """
    found = find_files(folders)
    cached = cache_folder() / "motions" / f"{_hash(found)}.npz"
    if cached.is_file():
        return read_library(cached)
    library = build_library(found, limber_body(), progress)
    library.save(cached)
    return library


def find_files(folders: Sequence[str | Path]) -> list[_Found]:
    """The files of all folders that may hold motion, each with its folder.

    Raises:
        LibraryError: if a folder is missing or none has such a file.
    """
    found: list[_Found] = []
    for folder in dict.fromkeys(Path(folder).resolve() for folder in folders):
        if not folder.is_dir():
            raise LibraryError(f"{folder} is no folder. Name a folder that holds motion.")
        found += [(folder, path) for path in motion_files(folder)]
    if not found:
        names = ", ".join(str(folder) for folder in folders) or "no folder"
        raise LibraryError(f"There is no motion (.bvh, .glb, .gltf, .npz) in {names}.")
    return found


def build_library(found: Sequence[_Found], body: Body, progress: Progress = _no_progress) -> Library:
    """Reads files of motion for a body.

    Raises:
        LibraryError: if nothing of it can be used.
    """
    table, size = split_table.split(), stature(body)
    accepted: dict[str, tuple[str, str, Take]] = {}  # name: (subject, source, take)
    refused: dict[str, str] = {}
    for done, (folder, path) in enumerate(found):
        progress(done, len(found))
        for take in read_takes(path, size):
            inside = path.relative_to(folder).with_suffix("")
            name = "/".join((*inside.parts, *([take.animation] if take.animation else [])))
            if take.refusal:
                refused[name] = take.refusal
            elif name in accepted:
                refused[f"{folder}/{name}"] = "Another folder holds a clip of this name."
            else:
                subject = table.subject_of(f"{folder.name}/{name}")
                accepted[name] = (
                    subject,
                    take.source or f"{folder.name}/{'/'.join(inside.parts[:-1])}".rstrip("/"),
                    take,
                )
    progress(len(found), len(found))
    if not accepted:
        name, reason = next(iter(refused.items()))
        raise LibraryError(f"None of {len(found)} files can be used; of the first, {name}: {reason}")
    return _joined(accepted, refused, body, table)


def _joined(
    accepted: dict[str, tuple[str, str, Take]], refused: dict[str, str], body: Body, table: split_table.Split
) -> Library:
    rows = [(name, subject, source, clip) for name, (subject, source, take) in accepted.items() for clip in take.clips]
    names, subjects, sources, clips = zip(*rows, strict=True)
    lengths = np.array([len(clip.pelvis) for clip in clips])
    return Library(
        rotations=np.concatenate([clip.local_rotations for clip in clips]),
        pelvis=np.concatenate([clip.pelvis for clip in clips]),
        starts=np.cumsum(lengths) - lengths,
        lengths=lengths,
        rates=_of_each(clips, "rate"),
        low=_of_each(clips, "low"),
        errors_m=_of_each(clips, "error_m"),
        names=np.array(names),
        subjects=np.array(subjects),
        sources=np.array(sources),
        splits=np.array([table.part_of(subject) for subject in subjects]),
        refused_names=np.array(list(refused), dtype=str),
        refused_reasons=np.array(list(refused.values()), dtype=str),
        body=body.name,
    )


def _of_each(clips: Sequence[Clip], key: str) -> Floats:
    return np.array([getattr(clip, key) for clip in clips])


def _hash(found: Sequence[_Found]) -> str:
    """Of the files' paths and contents, the division, the body and the way that all is made."""
    digest = hashlib.sha256(f"{VERSION} {BODY_NAME} ".encode() + split_table.FILE.read_bytes())
    for folder, path in found:
        digest.update(f"\0{folder.name}/{path.relative_to(folder).as_posix()}\0".encode())
        with path.open("rb") as file:
            digest.update(hashlib.file_digest(file, "sha256").digest())
    return digest.hexdigest()[:32]
