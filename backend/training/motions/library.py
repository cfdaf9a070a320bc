"""The motion library: clips of SMPL's 24 joints in one archive, and which part of it each clip belongs to.

The archive (.npz) holds ``rotations`` (N, 24, 4), ``pelvis`` (N, 3), and for each of C clips ``starts``, ``lengths``,
``rates``, ``low``, ``errors_m``, ``names``, ``subjects``, ``sources``, ``splits``; ``body`` and ``version``; for what
was left out ``refused_names`` and ``refused_reasons``. Nothing is pickled.
"""

from __future__ import annotations

import os
import zipfile
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from backend.training.variety import Clips
from smpl_rig.errors import LimberError
from smpl_rig.skeleton import JOINT_COUNT
from smpl_rig.whole_files import whole_file

from .split import SPLITS

Floats = NDArray[np.floating[Any]]
Texts = NDArray[np.str_]

#: Of the archive's layout and of how it is made: what an older one made is made again.
VERSION = 2


class LibraryError(LimberError):
    """A motion library cannot be made or read."""


@dataclass(frozen=True, eq=False)
class Library:
    """C clips of N frames in all, one after the other.

    Attributes:
        rotations: (N, 24, 4) f32 local rotations, w, x, y, z; the pelvis's in the world (Z up).
        pelvis: (N, 3) f32 metres, world; the floor is at z = 0.
        starts: (C,) where each clip begins.
        lengths: (C,) frames.
        rates: (C,) f32 frames per second.
        low: (C,) f32 part of each clip in which the person sits, kneels, crawls or lies.
        errors_m: (C,) f32 mean distance of the joints from the source's, bones fitted; NaN where the source is SMPL.
        names: (C,) of the clips; parts of one file between leaps bear the file's.
        subjects: (C,) whom or what a clip shows.
        sources: (C,) where it comes from.
        splits: (C,) train, validation or test.
        refused_names: (R,) files that were left out.
        refused_reasons: (R,) why.
        body: the body that it was made for.
    """

    rotations: Floats
    pelvis: Floats
    starts: NDArray[np.int64]
    lengths: NDArray[np.int64]
    rates: Floats
    low: Floats
    errors_m: Floats
    names: Texts
    subjects: Texts
    sources: Texts
    splits: Texts
    refused_names: Texts
    refused_reasons: Texts
    body: str

    def __post_init__(self) -> None:
        """Checks shapes and brings arrays to their dtypes.

        Raises:
            LibraryError: naming the key that is wrong.
        """
        frames, count, refused = len(self.rotations), len(self.starts), len(self.refused_names)
        for key, (shape, dtype) in _layout(frames, count, refused).items():
            array = np.asarray(getattr(self, key))
            if array.shape != shape:
                raise LibraryError(f"Library key '{key}' has shape {array.shape}, expected {shape}.")
            if dtype is not str and array.dtype.kind not in "iuf":
                raise LibraryError(f"Library key '{key}' holds {array.dtype}, expected numbers.")
            object.__setattr__(self, key, array.astype(dtype, copy=False))
        ends = self.starts + self.lengths
        if (self.starts < 0).any() or (self.lengths < 1).any() or (ends > frames).any():
            raise LibraryError("Library keys 'starts' and 'lengths' reach beyond the frames.")
        if unknown := sorted(set(self.splits.tolist()) - set(SPLITS)):
            raise LibraryError(f"Library key 'splits' names '{unknown[0]}', expected one of {', '.join(SPLITS)}.")

    def clips(self, split: str, device: torch.device | str = "cpu", subject: str | None = None) -> Clips:
        """The clips of one part, as training draws from them. All frames are of that part.

        Args:
            split: train, validation or test.
            device: where the tensors lie.
            subject: whom or what all clips show; of all subjects if not given.

        Raises:
            LibraryError: if there is no such part, or it has no clips, or none of the subject.
        """
        chosen = self._part(split)
        if subject is not None:
            if subject not in (there := self.subjects_of(split)):
                raise LibraryError(f"Nothing for '{split}' shows '{subject}'; choose one of {', '.join(there)}.")
            chosen = chosen[self.subjects[chosen] == subject]
        lengths = self.lengths[chosen]
        frames = np.concatenate(
            [np.arange(start, start + length) for start, length in zip(self.starts[chosen], lengths, strict=True)]
        )
        return Clips(
            rotations=torch.tensor(self.rotations[frames], device=device),
            pelvis=torch.tensor(self.pelvis[frames], device=device),
            starts=torch.tensor(np.cumsum(lengths) - lengths, device=device),
            lengths=torch.tensor(lengths, device=device),
            rates=torch.tensor(self.rates[chosen], device=device),
            low=torch.tensor(self.low[chosen], device=device),
        )

    def subjects_of(self, split: str) -> list[str]:
        """Whom or what the clips of a part show, each once, in order.

        Raises:
            LibraryError: if there is no such part, or it has no clips.
        """
        return sorted(set(self.subjects[self._part(split)].tolist()))

    def _part(self, split: str) -> NDArray[np.int64]:
        """Which clips are of a part."""
        if split not in SPLITS:
            raise LibraryError(f"There is no part '{split}' of the library; choose one of {', '.join(SPLITS)}.")
        chosen = np.flatnonzero(self.splits == split)
        if not len(chosen):
            raise LibraryError(f"The library has no clips for '{split}'. Add folders with more motion.")
        return chosen

    def minutes(self) -> Floats:
        """(C,) how long each clip is."""
        lasting: Floats = self.lengths / self.rates / 60
        return lasting

    def minutes_by_source(self, split: str) -> dict[str, float]:
        """How much of one part comes from where."""
        minutes, chosen = self.minutes(), self.splits == split
        return {
            source: round(float(minutes[chosen & (self.sources == source)].sum()), 2)
            for source in sorted(set(self.sources[chosen].tolist()))
        }

    def save(self, path: str | os.PathLike[str]) -> None:
        """Writes the archive, whole or not at all."""
        path = Path(path)
        arrays: dict[str, Any] = {field.name: getattr(self, field.name) for field in fields(self)}
        path.parent.mkdir(parents=True, exist_ok=True)
        with whole_file(path) as part, part.open("wb") as file:
            np.savez(file, version=np.int64(VERSION), **arrays)


def read_library(path: str | os.PathLike[str]) -> Library:
    """Reads an archive.

    Raises:
        LibraryError: if it is missing, damaged, of another version, or a key of it is wrong.
    """
    path = Path(path)
    if not path.is_file():
        raise LibraryError(f"{path} does not exist. Make it: python -m backend.training.motions FOLDERS -o {path.name}")
    try:
        with path.open("rb") as file:
            archive = np.load(file, allow_pickle=False)
            content = {key: np.asarray(archive[key]) for key in archive.files}
    except (OSError, ValueError, EOFError, AttributeError, zipfile.BadZipFile) as error:
        raise LibraryError(f"{path.name} is not a readable motion library: {error}") from error
    version = content.pop("version", None)
    if version is None or version.shape != () or int(version) != VERSION:
        raise LibraryError(f"{path.name} is of version {version}, expected {VERSION}. Make it anew from its folders.")
    wanted = {field.name for field in fields(Library)}
    if missing := sorted(wanted - set(content)):
        raise LibraryError(f"{path.name} lacks the key '{missing[0]}': it is no motion library.")
    arrays: dict[str, Any] = {key: content[key] for key in wanted}
    try:
        return Library(**arrays | {"body": str(arrays["body"])})
    except LibraryError as error:
        raise LibraryError(f"{path.name}: {error}") from error


def _layout(frames: int, count: int, refused: int) -> dict[str, tuple[tuple[int, ...], type]]:
    """Shape and dtype of each array."""
    each = (count,)
    return {
        "rotations": ((frames, JOINT_COUNT, 4), np.float32),
        "pelvis": ((frames, 3), np.float32),
        "starts": (each, np.int64),
        "lengths": (each, np.int64),
        "rates": (each, np.float32),
        "low": (each, np.float32),
        "errors_m": (each, np.float32),
        "names": (each, str),
        "subjects": (each, str),
        "sources": (each, str),
        "splits": (each, str),
        "refused_names": ((refused,), str),
        "refused_reasons": ((refused,), str),
    }
