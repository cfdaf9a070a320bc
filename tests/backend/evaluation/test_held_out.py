import json
from pathlib import Path

import numpy as np
import pytest

from backend.evaluation.held_out import (
    FRAMES,
    Row,
    evaluate_held_out,
    held_out_sequences,
    in_camera_motion,
    table,
    table_by_act,
    worse_than,
    write_json,
)
from backend.evaluation.rivals import FAIR, RAW
from backend.features.initial_pose import BodyInCamera
from backend.training.motions import Library
from smpl_rig.body import Body
from smpl_rig.rotations import exp, from_matrix, multiply, to_matrix


@pytest.fixture(scope="module")
def library() -> Library:
    """Arms that swing; the clips for training stand still, so that whoever confuses them is found out."""
    frames = 200
    vectors = np.zeros((frames, 24, 3))
    vectors[:100, 16, 2] = np.sin(np.arange(100) / 8)
    local = exp(vectors)
    local[:, 0] = multiply(np.array([np.sqrt(0.5), np.sqrt(0.5), 0, 0]), local[:, 0])
    return Library(
        rotations=local,
        pelvis=np.tile([0.0, 0.0, 0.95], (frames, 1)),
        starts=np.array([0, 100]),
        lengths=np.array([100, 100]),
        rates=np.array([30.0, 30.0]),
        low=np.zeros(2),
        errors_m=np.zeros(2),
        names=np.array(["swing", "stand"]),
        subjects=np.array(["somebody", "nobody"]),
        sources=np.array(["made here", "made here"]),
        splits=np.array(["test", "train"]),
        refused_names=np.array([], dtype=str),
        refused_reasons=np.array([], dtype=str),
        body="limber",
    )


def test_only_the_test_part_is_drawn_and_always_the_same(library: Library) -> None:
    drawn, again = (list(held_out_sequences(library, 3, seed=1)) for _ in range(2))
    assert [act for act, _ in drawn] == ["somebody"] * 3
    for (_, one), (_, other) in zip(drawn, again, strict=True):
        assert np.array_equal(one.joints, other.joints)
        assert len(one.joints) == FRAMES
        wrists = one.joints[:, 20:22] - one.joints[:, :1]  # either: half of what is drawn is mirrored
        assert np.ptp(wrists, axis=0).max() > 0.1
        assert np.isfinite(one.track.landmarks3d[one.track.observed]).any()


def test_every_answer_is_judged(library: Library) -> None:
    rows = evaluate_held_out(library, [], count=1, seed=0, workers=1, frames=20)
    assert [row.answer for row in rows] == [RAW, FAIR, "per-frame", "per-frame, smoothed"]
    assert all(0 < row.pa_mpjpe < 400 for row in rows)
    assert rows[3].acc_err < rows[2].acc_err


def rows() -> list[Row]:
    return [
        Row("walk", 0, "ours", 40.0, 50.0, 4.0),
        Row("walk", 0, "theirs", 80.0, 90.0, 8.0),
        Row("sit", 1, "ours", 60.0, 70.0, 6.0),
        Row("sit", 1, "theirs", 50.0, 60.0, 5.0),
    ]


def test_tables_tell_means() -> None:
    told = table(rows()).splitlines()
    assert told[2].split() == ["ours", "50.0", "60.0", "5.0"]
    assert told[3].split() == ["theirs", "65.0", "75.0", "6.5"]
    assert table_by_act(rows(), "acc_err").splitlines()[2].split() == ["ours", "4.0", "6.0"]
    assert worse_than(rows(), "ours", "theirs", 1.1) == [1]


def test_figures_are_written_with_the_machine_they_come_from(tmp_path: Path) -> None:
    write_json(rows(), tmp_path / "figures.json", {"seed": 3})
    written = json.loads((tmp_path / "figures.json").read_text())
    assert written["settings"] == {"seed": 3}
    assert written["machine"]
    assert [Row(**row) for row in written["rows"]] == rows()


def test_a_motion_in_the_camera_has_the_same_joints(library: Library, body: Body) -> None:
    (_, sequence), *_ = held_out_sequences(library, 1, seed=2)
    local = exp(np.random.default_rng(0).normal(0, 0.3, (FRAMES, 24, 3)))
    found = BodyInCamera(
        to_matrix(local), np.linspace(-1, 1, 10), np.tile([0.1, 0.2, 4.0], (FRAMES, 1)), np.ones((FRAMES, 24))
    )
    motion = in_camera_motion(found, sequence.track, sequence.K, body)
    assert np.allclose(motion.joints_world[:, 0], body.rest_joints(found.betas)[0] + found.transl, atol=1e-5)
    assert np.abs(np.sum(motion.local_rotations * from_matrix(found.rotations), axis=-1)).min() > 1 - 1e-6
