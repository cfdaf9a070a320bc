"""How well planted feet hold on rigs of all kinds, over the whole library of motion, as a table.

    python -m tests.smpl_rig.retarget.planting_figures [RIG ...]

Skating is how fast, in the mean over all moments in which a heel or toe rests, it slides over the floor; the rig's for
legs as long as the person's.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator

import numpy as np

from smpl_rig.retarget.planting import plant_feet
from smpl_rig.retarget.retargeting import Performance, Retargeting

from ...conftest import plain_adult
from ...retarget_rigs import kaykit_rig, mpfb_rig
from .performances import MOTIONS, from_library
from .rigs import BuiltRig, build_rig
from .test_planting import LONG_SHINS, rig_soles, skate, soles_of
from .test_retargeting import A_POSE, IMPORTED, SHORT, limb_errors
from .test_rigs_of_others import fitted

KINDS = {
    "walking, running": ("walk", "run"),
    "dancing": ("dance", "salsa", "indian"),
    "kicking, fighting": ("soccer", "martial", "kick", "fighting"),
    "crawling, on the floor": ("crawl", "pushup", "kneel", "lie", "sleeping", "sit_floor"),
}
OTHER = "all else"


def kind_of(clip: str) -> str:
    return next((kind for kind, words in KINDS.items() if any(word in clip for word in words)), OTHER)


def all_rigs(rest_joints: np.ndarray) -> dict[str, tuple[Retargeting, BuiltRig]]:
    built = {
        "A-pose": A_POSE,
        "scaled, turned, random rolls": IMPORTED,
        "long shins": LONG_SHINS,
        "dwarf": SHORT,
    }
    made = {name: build_rig(build, rest_joints) for name, build in built.items()}
    return {
        "MPFB, Mixamo's names": fitted("mixamo", mpfb_rig("mixamo"), rest_joints),
        "MPFB, Unreal's names": fitted("unreal", mpfb_rig("game_engine"), rest_joints),
        "KayKit": fitted("kaykit", kaykit_rig(), rest_joints),
    } | {name: (Retargeting(rig.rig, rig.bones, rest_joints), rig) for name, rig in made.items()}


def performances(rest_joints: np.ndarray) -> Iterator[tuple[str, Performance]]:
    for path in sorted(MOTIONS.glob("*.npz")):
        performance = from_library(path.stem, rest_joints, frames=500)
        if (performance.contacts[1:] * performance.contacts[:-1]).any():
            yield path.stem, performance


def measured(fit: tuple[Retargeting, BuiltRig], performance: Performance) -> tuple[float, float]:
    """The rig's skating, metres per second for legs as long as the person's, and the worst limb, degrees."""
    retargeting, built = fit
    pose = plant_feet(retargeting, retargeting.follow(performance), performance)
    turned, heads = built.posed(retargeting.keys(pose))
    slid = skate(rig_soles(retargeting, turned, heads), performance) / retargeting.scale
    return slid, float(limb_errors(built, heads, performance).max())


def main() -> None:
    rest_joints = plain_adult()
    rigs = all_rigs(rest_joints)
    rigs = {name: rigs[name] for name in sys.argv[1:] or rigs}
    rows: dict[str, list[tuple[float, ...]]] = {}
    for clip, performance in performances(rest_joints):
        moments = float((performance.contacts[1:] * performance.contacts[:-1]).sum())
        found = [measured(fit, performance) for fit in rigs.values()]
        source = skate(soles_of(performance), performance)
        rows.setdefault(kind_of(clip), []).append((moments, source, *(value for pair in found for value in pair)))
        print(clip, file=sys.stderr)
    print(f"| rig | {' | '.join(rows)} | worst clip | limbs |\n|---|{'---|' * (len(rows) + 2)}")
    every = np.array([row for part in rows.values() for row in part])
    for number, rig in enumerate(rigs):
        slid, limb = every[:, 2 + 2 * number], every[:, 3 + 2 * number]
        parts = []
        for part in rows.values():
            table = np.array(part)
            parts.append(f"{(table[:, 0] @ table[:, 2 + 2 * number]) / (table[:, 0] @ table[:, 1]):.2f}")
        worst = 1000 * (slid - every[:, 1]).max()
        print(f"| {rig} | {' | '.join(parts)} | {worst:+.0f} mm/s | {limb.max():.1f}° |")
    means = [
        1000 * (np.array(part)[:, 0] @ np.array(part)[:, 1]) / np.array(part)[:, 0].sum() for part in rows.values()
    ]
    print(f"| the person | {' | '.join(f'{mean:.0f} mm/s' for mean in means)} | | |")
    print(f"\n{len(every)} clips: {', '.join(f'{len(part)} {kind}' for kind, part in rows.items())}")


if __name__ == "__main__":
    main()
