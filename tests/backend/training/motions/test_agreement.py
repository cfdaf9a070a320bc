"""The check by positions: blind to lengths of bones, sharp for limbs that point elsewhere."""

from dataclasses import replace

import numpy as np
import pytest

from backend.training.motions.agreement import position_errors_m
from backend.training.motions.reading import ALLOWED_ERROR_M, ALLOWED_ERROR_OF_JOINT_M
from smpl_rig import rotations
from smpl_rig.alignment import SmplPose, align
from smpl_rig.skeleton import INDEX, MIRROR

from ....foreign_figure import Build, flat_body, foreign_figure

BUILD = Build(arms_down=0.7, legs_apart=0.1, spine=4, arm=1.4, leg=0.6, trunk=1.2, unit=100.0)


def test_what_was_carried_over_rightly_agrees_whatever_the_proportions() -> None:
    alignment = align(foreign_figure(BUILD).motion, flat_body())
    # SMPL's three spine joints can only nearly follow four
    assert max(position_errors_m(alignment, alignment.smpl_pose()).values()) < 0.015


def test_bones_that_stretch_are_compared_at_rest_length() -> None:
    figure = foreign_figure(Build())
    stretched = figure.motion.local_positions.copy()
    stretched[:, 1:] *= 1 + 0.3 * np.sin(np.arange(len(stretched)))[:, None, None]
    alignment = align(replace(figure.motion, local_positions=stretched), flat_body())
    assert max(position_errors_m(alignment, alignment.smpl_pose()).values()) < 1e-6


@pytest.mark.parametrize(
    ("joint", "below"),
    [("left_knee", "left_ankle"), ("left_hip", "left_ankle"), ("right_shoulder", "right_wrist"),
     ("right_elbow", "right_wrist")],
)  # fmt: skip
def test_a_limb_that_points_elsewhere_does_not_agree(joint: str, below: str) -> None:
    alignment = align(foreign_figure(Build(), frames=90).motion, flat_body())
    pose = alignment.smpl_pose()
    wrong = pose.local_rotations.copy()
    aside = np.array([0, 1.0, 0]) if "elbow" in joint else np.array([0, 0, 1.0])
    wrong[:, INDEX[joint]] = rotations.multiply(wrong[:, INDEX[joint]], rotations.exp(0.5 * aside))
    errors = position_errors_m(alignment, SmplPose(wrong, pose.pelvis))
    assert errors[below] > ALLOWED_ERROR_OF_JOINT_M
    assert errors["right_ankle" if "left" in joint else "left_ankle"] < errors[below] / 2


def test_left_taken_for_right_does_not_agree() -> None:
    alignment = align(foreign_figure(Build(), frames=90).motion, flat_body())
    pose = alignment.smpl_pose()
    errors = position_errors_m(alignment, SmplPose(pose.local_rotations[:, MIRROR], pose.pelvis))
    assert np.mean(list(errors.values())) > 2 * ALLOWED_ERROR_M
