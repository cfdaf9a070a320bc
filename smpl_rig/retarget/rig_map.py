"""Which of a rig's bones are which of SMPL's joints: one JSON file for each family of rigs, in ``maps/``.

``docs/retargeting.md`` describes the format. Joints are called as SMPL's; chains hold any number of bones from the
body outwards. Where a family has several names for one bone, the first that the rig has is meant.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any

from ..errors import LimberError
from ..joint_map import REQUIRED

FOLDER = Path(__file__).parent / "maps"
FILE_VERSION = 1

SIDES = ("left", "right")
FINGERS = ("thumb", "index", "middle", "ring", "pinky")
LIMBS = ("shoulder", "elbow", "hip", "knee")
#: One bone each: those that are needed, where the toes bend, and the middle finger's first knuckle.
JOINTS: tuple[str, ...] = (*REQUIRED, *(f"{side}_{joint}" for side in SIDES for joint in ("foot", "hand")))
#: Any number of bones each, from the body outwards.
CHAINS: tuple[str, ...] = (
    "spine",
    "neck",
    *(f"{side}_{chain}" for side in SIDES for chain in ("collar", *FINGERS)),
)
#: Limbs, called by the joint they begin at, that may have bones which share their roll.
TWISTS: tuple[str, ...] = tuple(f"{side}_{limb}" for side in SIDES for limb in LIMBS)
#: What inverse kinematics lead, and joints that a pole may turn towards itself.
GOALS: tuple[str, ...] = tuple(f"{side}_{joint}" for side in SIDES for joint in ("wrist", "ankle", "foot"))
POLES: tuple[str, ...] = tuple(f"{side}_{joint}" for side in SIDES for joint in ("elbow", "knee"))

_Names = tuple[str, ...]


class RigMapError(LimberError):
    """A map's file is not what ``docs/retargeting.md`` says."""


@dataclass(frozen=True)
class Setting:
    """A property of a bone that must have a value for the mapped bones to have their effect (Rigify's FK switches)."""

    bone: str
    property: str
    value: float


@dataclass(frozen=True)
class IkMap:
    """The controls of inverse kinematics in a family of rigs.

    Attributes:
        goals: for some of :data:`GOALS`, what the control may be called that leads it.
        poles: for some of :data:`POLES`, what the control may be called that it points to.
        settings: what has to be set for them to have their effect, in place of or besides the map's own settings.
    """

    goals: Mapping[str, _Names]
    poles: Mapping[str, _Names] = field(default_factory=dict)
    settings: tuple[Setting, ...] = ()


@dataclass(frozen=True)
class IkControls:
    """One rig's controls of inverse kinematics; attributes as in :class:`IkMap`, with one name each."""

    goals: Mapping[str, str]
    poles: Mapping[str, str] = field(default_factory=dict)
    settings: tuple[Setting, ...] = ()

    def all(self) -> tuple[str, ...]:
        """Every control, each once."""
        return tuple(dict.fromkeys([*self.goals.values(), *self.poles.values()]))


@dataclass(frozen=True)
class RigMap:
    """A family of rigs.

    Attributes:
        name: the file's.
        title: what users call the family.
        about: where it is met.
        joints: for some of :data:`JOINTS`, what the bone may be called; all that are required among them.
        chains: for some of :data:`CHAINS`, each bone's possible names.
        twists: for some of :data:`TWISTS`, likewise.
        root: what the bone above the pelvis may be called that stands on the floor. It is never keyed.
        prefixes: what names may begin with besides.
        settings: what has to be set for the bones to have their effect.
        ik: controls that can be keyed instead of the limbs' bones.
        is_saved: whether the user saved it, so that it goes before bundled ones.
    """

    name: str
    title: str
    about: str
    joints: Mapping[str, _Names]
    chains: Mapping[str, tuple[_Names, ...]]
    twists: Mapping[str, tuple[_Names, ...]] = field(default_factory=dict)
    root: _Names = ()
    prefixes: tuple[str, ...] = ()
    settings: tuple[Setting, ...] = ()
    ik: IkMap | None = None
    is_saved: bool = False

    def found_in(self, names: Iterable[str]) -> RigBones:
        """The bones of a rig, by their names; those left out that it has not."""
        known = _by_plain_name(names, self.prefixes)

        def first(candidates: _Names) -> str | None:
            return next((known[_plain(name)] for name in candidates if _plain(name) in known), None)

        def all_of(chain: tuple[_Names, ...]) -> tuple[str, ...]:
            return tuple(dict.fromkeys(bone for bone in map(first, chain) if bone is not None))

        return RigBones(
            joints={joint: bone for joint, candidates in self.joints.items() if (bone := first(candidates))},
            chains={name: bones for name, chain in self.chains.items() if (bones := all_of(chain))},
            twists={name: bones for name, chain in self.twists.items() if (bones := all_of(chain))},
            root=first(self.root),
            settings=self.settings,
            ik=self._ik_found_by(first),
        )

    def _ik_found_by(self, first: Callable[[_Names], str | None]) -> IkControls | None:
        """None where the rig lacks the control of a hand or foot."""
        if self.ik is None:
            return None
        goals, poles = (
            {joint: bone for joint, candidates in group.items() if (bone := first(candidates))}
            for group in (self.ik.goals, self.ik.poles)
        )
        if any(joint not in goals for joint in self.ik.goals if not joint.endswith("_foot")):
            return None
        return IkControls(goals, poles, self.ik.settings)


@dataclass(frozen=True)
class RigBones:
    """One rig's bones by what they are; attributes as in :class:`RigMap`, with one name each."""

    joints: Mapping[str, str]
    chains: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    twists: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    root: str | None = None
    settings: tuple[Setting, ...] = ()
    ik: IkControls | None = None

    def lacking(self) -> list[str]:
        """Joints that are required and not found."""
        return [joint for joint in REQUIRED if joint not in self.joints]

    def all(self) -> tuple[str, ...]:
        """Every bone, each once."""
        chained = (bone for group in (self.chains, self.twists) for bones in group.values() for bone in bones)
        return tuple(dict.fromkeys([*self.joints.values(), *chained]))

    def fingers(self) -> frozenset[str]:
        """Every bone of a finger."""
        chains = (self.chains.get(f"{side}_{finger}", ()) for side in SIDES for finger in FINGERS)
        return frozenset(bone for chain in chains for bone in chain)

    def with_joint(self, joint: str, bone: str | None) -> RigBones:
        """The same with another bone, or none, for one of :data:`JOINTS`."""
        others = {name: found for name, found in self.joints.items() if name != joint}
        return replace(self, joints=others | ({joint: bone} if bone else {}))

    def with_chain(self, chain: str, bones: Sequence[str]) -> RigBones:
        """The same with other bones, or none, for one of :data:`CHAINS`."""
        others = {name: found for name, found in self.chains.items() if name != chain}
        return replace(self, chains=others | ({chain: tuple(bones)} if bones else {}))

    def on_ik(self) -> RigBones:
        """The same with the settings for which :attr:`ik` has its effect, where there is any."""
        if self.ik is None:
            return self
        settings = {(each.bone, each.property): each for each in (*self.settings, *self.ik.settings)}
        return replace(self, settings=tuple(settings.values()))


@cache
def rig_maps() -> tuple[RigMap, ...]:
    """All bundled families, in the order of their files' names."""
    return tuple(read_rig_map(path) for path in sorted(FOLDER.glob("*.json")))


def read_rig_map(path: str | os.PathLike[str]) -> RigMap:
    """Reads one family's file.

    Raises:
        RigMapError: if it cannot be read, is of a newer version, or has a wrong key, which is named.
    """
    path = Path(path)
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise RigMapError(f"{path} cannot be read: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        raise RigMapError(f"{path.name} is no text: {error}") from error
    try:
        return parse_rig_map(path.stem, text)
    except RigMapError as error:
        raise RigMapError(f"{path.name}: {error}") from error


def parse_rig_map(name: str, text: str) -> RigMap:
    """The map that a file of this content holds.

    Raises:
        RigMapError: naming the key that is wrong.
    """
    try:
        content = json.loads(text)
    except ValueError as error:
        raise RigMapError(f"it is no JSON: {error}") from error
    return _from_json(name, content)


def save_rig_map(path: str | os.PathLike[str], title: str, bones: RigBones, about: str = "") -> None:
    """Writes what was found, or put right, on one rig as a map that :func:`read_rig_map` reads.

    Raises:
        RigMapError: if the file cannot be written.
    """
    try:
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        Path(path).write_text(rig_map_text(title, bones, about), encoding="utf-8")
    except OSError as error:
        raise RigMapError(f"{path} cannot be written: {error.strerror}. Choose another place.") from error


def rig_map_text(title: str, bones: RigBones, about: str = "") -> str:
    """The content of a map's file."""
    content: dict[str, Any] = {"version": FILE_VERSION, "title": title, "about": about}
    if bones.root:
        content["root"] = bones.root
    content["joints"] = dict(bones.joints)
    content["chains"] = {name: list(chain) for name, chain in bones.chains.items()}
    if bones.twists:
        content["twists"] = {name: list(chain) for name, chain in bones.twists.items()}
    if bones.settings:
        content["settings"] = [vars(setting) for setting in bones.settings]
    if bones.ik:
        content["ik"] = {"goals": dict(bones.ik.goals), "poles": dict(bones.ik.poles)}
        content["ik"]["settings"] = [vars(setting) for setting in bones.ik.settings]
    return json.dumps(content, indent=2) + "\n"


_KEYS = {"version", "title", "about", "prefixes", "root", "joints", "chains", "twists", "settings", "ik"}


def _from_json(name: str, content: Any) -> RigMap:
    if not isinstance(content, dict):
        raise RigMapError(f"it holds {type(content).__name__}, expected an object with the key 'joints'.")
    version = content.get("version")
    if not isinstance(version, int) or not 1 <= version <= FILE_VERSION:
        raise RigMapError(f"key 'version' is {version!r}, this Limber reads up to {FILE_VERSION}.")
    _refuse_unknown("key", content, _KEYS)
    joints = {joint: _names(f"joints.{joint}", value) for joint, value in _object(content, "joints").items()}
    _refuse_unknown("joint", joints, JOINTS)
    missing = [joint for joint in REQUIRED if joint not in joints]
    if missing:
        raise RigMapError(f"'joints' lacks '{missing[0]}'.")
    chains, twists = (
        {chain: _chain(f"{key}.{chain}", value) for chain, value in _object(content, key).items()}
        for key in ("chains", "twists")
    )
    _refuse_unknown("chain", chains, CHAINS)
    _refuse_unknown("limb", twists, TWISTS)
    return RigMap(
        name=name,
        title=str(content.get("title", name)),
        about=str(content.get("about", "")),
        joints=joints,
        chains=chains,
        twists=twists,
        root=_names("root", content.get("root", [])),
        prefixes=_names("prefixes", content.get("prefixes", [])),
        settings=_settings("settings", content),
        ik=_ik(_object(content, "ik")) if "ik" in content else None,
    )


def _ik(content: dict[str, Any]) -> IkMap:
    _refuse_unknown("key of 'ik'", content, ("goals", "poles", "settings"))
    goals, poles = (
        {joint: _names(f"ik.{key}.{joint}", value) for joint, value in _object(content, key).items()}
        for key in ("goals", "poles")
    )
    _refuse_unknown("goal", goals, GOALS)
    _refuse_unknown("pole", poles, POLES)
    return IkMap(goals, poles, _settings("ik.settings", content))


def _object(content: dict[str, Any], key: str) -> dict[str, Any]:
    value = content.get(key, {})
    if not isinstance(value, dict):
        raise RigMapError(f"key '{key}' holds {type(value).__name__}, expected an object.")
    return value


def _refuse_unknown(what: str, found: Iterable[str], known: Iterable[str]) -> None:
    unknown = sorted(set(found) - set(known))
    if unknown:
        raise RigMapError(f"the {what} '{unknown[0]}' is not known; expected some of {', '.join(sorted(known))}.")


def _names(key: str, value: Any) -> _Names:
    names = (value,) if isinstance(value, str) else value
    if not isinstance(names, list | tuple) or not all(isinstance(each, str) and each for each in names):
        raise RigMapError(f"key '{key}' is {value!r}, expected a bone's name or a list of names.")
    return tuple(names)


def _chain(key: str, value: Any) -> tuple[_Names, ...]:
    if not isinstance(value, list):
        raise RigMapError(f"key '{key}' is {value!r}, expected a list of bones.")
    return tuple(_names(key, each) for each in value)


def _settings(key: str, content: dict[str, Any]) -> tuple[Setting, ...]:
    settings = []
    for value in content.get(key.rpartition(".")[2], []):
        try:
            settings.append(Setting(str(value["bone"]), str(value["property"]), float(value["value"])))
        except (KeyError, TypeError, ValueError) as error:
            raise RigMapError(
                f"key '{key}' holds {value!r}, expected 'bone', 'property' and a number 'value'."
            ) from error
    return tuple(settings)


def _plain(name: str) -> str:
    """Without what stands before a colon, and without case and separators, which programs change on their way."""
    return re.sub(r"[\W_]+", "", name.rsplit(":", maxsplit=1)[-1].lower())


def _by_plain_name(names: Iterable[str], prefixes: Iterable[str]) -> dict[str, str]:
    longest_first = sorted((_plain(prefix) for prefix in prefixes), key=len, reverse=True)
    known: dict[str, str] = {}
    bare: dict[str, str] = {}
    for name in names:
        plain = _plain(name)
        prefix = next((each for each in longest_first if plain.startswith(each)), "")
        known.setdefault(plain.removeprefix(prefix), name) if prefix else bare.setdefault(plain, name)
    return bare | known
