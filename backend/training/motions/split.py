"""Which part of the library a clip belongs to: train, validation or test. The division is in ``split.json``.

It is by subject: no person, and no act that was recorded or animated in several takes, is in two parts.
"""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path, PurePath

FILE = Path(__file__).with_name("split.json")
SPLITS = ("train", "validation", "test")
#: Parts in which what the file does not name is divided.
_SHARES = {"train": 0.8, "validation": 0.1, "test": 0.1}
_CMU_TAKE = re.compile(r"(\d{2,3})_(\d{2})(_\w+)?")


@dataclass(frozen=True)
class Split:
    """The division that the file names.

    Attributes:
        clips: group by clip's name.
        parts: part by group.
        subjects: group by subject, in lower case.
        datasets: part by AMASS's dataset, in lower case.
    """

    clips: dict[str, str]
    parts: dict[str, str]
    subjects: dict[str, str]
    datasets: dict[str, str]

    def subject_of(self, clip: str) -> str:
        """Whom or what a clip shows: its group's name, or for a clip not named in the file what its path tells.

        Args:
            clip: path of the file from the library's folder on, the folder's name included and the suffix left out;
                for one of several animations in a file, with its name at the end.
        """
        path = PurePath(clip)
        if path.name in self.clips:
            return self.clips[path.name]
        subject = self._subject_by_path(path)
        return self.subjects.get(subject, subject)

    def part_of(self, subject: str) -> str:
        """Train, validation or test, for a subject that :meth:`subject_of` gave."""
        if subject in self.parts:
            return self.parts[subject]
        dataset = subject.partition("/")[0]
        return self.datasets.get(dataset) or _part_by_hash(subject)

    def _subject_by_path(self, path: PurePath) -> str:
        folders = [folder.lower() for folder in path.parts[:-1]]
        take = _CMU_TAKE.fullmatch(path.name)
        for depth, folder in enumerate(folders):
            if folder in self.datasets and depth + 1 < len(folders):
                person = folders[depth + 1]
                return f"{folder}/{person.lstrip('0') or person}"
        if take and not set(folders) & set(self.datasets):
            return f"cmu/{int(take[1])}"
        # takes of one act differ in the number at the end
        act = re.sub(r"[\W_\d]+$", "", path.name.lower()) or path.name.lower()
        return "/".join((*folders[-1:], act))


@cache
def split() -> Split:
    """The division of the file beside this one."""
    return read_split(FILE)


def read_split(path: Path) -> Split:
    """Reads a division.

    Raises:
        ValueError: naming what is in two groups, or a part that there is none of.
    """
    content = json.loads(path.read_text(encoding="utf-8"))
    clips: dict[str, str] = {}
    subjects: dict[str, str] = {}
    parts: dict[str, str] = {}
    for group in content["groups"]:
        name = group["name"]
        if name in parts:
            raise ValueError(f"{path.name}: two groups are called '{name}'.")
        parts[name] = group["split"]
        for kind, members in ((clips, group["clips"]), (subjects, [subject.lower() for subject in group["subjects"]])):
            for member in members:
                if member in kind:
                    raise ValueError(f"{path.name}: '{member}' is in the groups '{kind[member]}' and '{name}'.")
                kind[member] = name
    datasets = {name.lower(): part for name, part in content["datasets"].items()}
    for name, part in (parts | datasets).items():
        if part not in SPLITS:
            raise ValueError(f"{path.name}: '{name}' is in the part '{part}', expected one of {', '.join(SPLITS)}.")
    return Split(clips, parts, subjects, datasets)


def _part_by_hash(subject: str) -> str:
    """The same on every machine and in every run."""
    digest = hashlib.sha256(subject.encode()).digest()
    place = int.from_bytes(digest[:8], "big") / 2**64
    for part, share in _SHARES.items():
        if place < share:
            return part
        place -= share
    return SPLITS[-1]
