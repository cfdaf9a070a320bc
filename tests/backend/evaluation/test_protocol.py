"""Scores of answers whose errors are known, and the papers' joints on a body in the layout of SMPL's files."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from backend.evaluation.comparison import SHARED_JOINTS
from backend.evaluation.datasets.filmed import JOINT_SETS, DatasetError, FilmedPerson, Posed, posed_in_camera
from backend.evaluation.licensed import REGRESSED_JOINTS, LicensedFiles, LicensedFilesError
from backend.evaluation.protocol import PROTOCOLS, UNLICENSED, Errors, Protocol, Shape, shape_of, truth_of
from smpl_rig import rotations
from smpl_rig.body import Body
from smpl_rig.kinematics import forward_kinematics
from smpl_rig.skeleton import INDEX, JOINT_NAMES, PARENTS

FRAMES = 6


@pytest.fixture(scope="module")
def licensed(rest_joints: np.ndarray, tmp_path_factory: pytest.TempPathFactory) -> LicensedFiles:
    """Bodies with one vertex at each joint; the regressor takes the joint's vertex, the head's top none of SMPL's."""
    folder = tmp_path_factory.mktemp("smpl")
    for gender, scale in (("neutral", 1.0), ("female", 0.9), ("male", 1.1)):
        Body(
            name=gender,
            gender=gender,
            v_template=scale * rest_joints,
            shapedirs=np.zeros((24, 3, 10)),
            posedirs=np.zeros((24, 3, 207)),
            J_regressor=np.eye(24),
            weights=np.eye(24),
            kintree_table=np.array([PARENTS, range(24)]),
            f=np.array([[0, 1, 2]]),
        ).save(folder / f"SMPL_{gender.upper()}.npz")
    regressor = np.zeros((17, 24))
    for row, name in enumerate(REGRESSED_JOINTS):
        regressor[row, INDEX[{"spine": "spine2", "head_top": "head"}.get(name, name)]] = 1
    np.save(folder / "J_regressor_h36m.npy", regressor)
    return LicensedFiles(folder)


@pytest.fixture(scope="module")
def posed() -> Posed:
    random = np.random.default_rng(3)
    camera = rotations.to_matrix(rotations.exp(random.normal(size=(FRAMES, 3))))
    return posed_in_camera("female", np.zeros(10), random.normal(scale=0.4, size=(FRAMES, 72)), camera)


def person(posed: Posed | None, joints: np.ndarray, names: tuple[str, ...] = JOINT_NAMES) -> FilmedPerson:
    boxes, valid = np.zeros((FRAMES, 4)), np.ones(FRAMES, dtype=bool)
    return FilmedPerson(
        "a_0", np.full(FRAMES, "a"), Path("%d.jpg"), 0, 1, Fraction(30), boxes, valid, names, joints, posed
    )


def own_joints(posed: Posed, body: Body) -> np.ndarray:
    _, joints = forward_kinematics(posed.local_rotations, body.rest_joints(posed.betas), np.zeros((FRAMES, 3)))
    return joints


def test_joints_of_the_papers(licensed: LicensedFiles, posed: Posed) -> None:
    """14 joints in LSP's order: those of a vertex at each joint are SMPL's own."""
    neutral = licensed.body("neutral")
    shape = shape_of(posed, neutral, PROTOCOLS["3dpw"], licensed)
    names = [{"head_top": "head"}.get(name, name) for name in JOINT_SETS["lsp"]]
    assert names[2:4] == ["right_hip", "left_hip"]
    own = own_joints(posed, neutral)
    np.testing.assert_allclose(shape.joints, own[:, [INDEX[name] for name in names]], atol=1e-5)
    truth = truth_of(person(posed, own + 99), PROTOCOLS["3dpw"], licensed)
    np.testing.assert_allclose(truth.joints, shape.joints, atol=1e-5)


def test_emdb_has_the_gender_and_the_joints_of_smpl(licensed: LicensedFiles, posed: Posed) -> None:
    truth = truth_of(person(posed, np.zeros((FRAMES, 0, 3)), ()), PROTOCOLS["emdb"], licensed)
    female = own_joints(posed, licensed.body("female"))
    np.testing.assert_allclose(truth.joints, female, atol=1e-5)


def test_seventeen_joints_of_mpi_inf_3dhp(licensed: LicensedFiles, posed: Posed) -> None:
    names = JOINT_SETS["mpi_inf_3dhp_test"]
    joints = np.random.default_rng(0).normal(size=(FRAMES, 17, 3))
    truth = truth_of(person(None, joints, names), PROTOCOLS["mpi-inf-3dhp"], licensed)
    np.testing.assert_array_equal(truth.joints, joints)
    assert truth.vertices is None
    shape = shape_of(posed, licensed.body("neutral"), PROTOCOLS["mpi-inf-3dhp"], licensed)
    np.testing.assert_allclose(
        shape.joints[:, names.index("left_wrist")],
        own_joints(posed, licensed.body("neutral"))[:, INDEX["left_wrist"]],
        atol=1e-5,
    )


def test_without_licensed_files_the_limbs_are_compared(body: Body, posed: Posed) -> None:
    own = own_joints(posed, body)
    truth = truth_of(person(posed, own), UNLICENSED, None)
    shape = shape_of(posed, body, UNLICENSED, None)
    assert UNLICENSED.joints == SHARED_JOINTS
    np.testing.assert_allclose(shape.joints, truth.joints, atol=1e-9)
    with pytest.raises(DatasetError, match=r"has no joint 'left_shoulder'.*--smpl"):
        truth_of(person(posed, own, ("pelvis",)), UNLICENSED, None)


@pytest.mark.parametrize("from_root", [False, True])
def test_errors_that_are_known(licensed: LicensedFiles, posed: Posed, from_root: bool) -> None:
    """All but the hips lies 10 mm aside; the whole stands elsewhere, which says nothing."""
    protocol = Protocol(JOINT_NAMES, vertices_from_root=from_root)
    truth = shape_of(posed, licensed.body("neutral"), protocol, licensed)
    assert truth.vertices is not None
    aside = np.full((24, 1), 0.01) * np.array([1.0, 0, 0])
    aside[[INDEX["left_hip"], INDEX["right_hip"]]] = 0
    answer = Shape(truth.joints + aside + 5.0, truth.vertices + aside + (5.0 if from_root else 0.0))
    errors = Errors(wanted=10)
    counted = np.array([True, True, False, True, True, True])
    errors.add(np.full(FRAMES, "walk"), answer, truth, counted, protocol)
    errors.add(np.full(FRAMES, "sit"), truth, truth, counted, protocol)
    found = errors.summary(protocol)
    assert (found["frames"], found["seen"]) == (10, 100.0)
    np.testing.assert_allclose(found["mpjpe"], 10 * 22 / 24 / 2, rtol=1e-6)
    np.testing.assert_allclose(found["pve"], 10 * 22 / 24 / 2, rtol=1e-3)
    np.testing.assert_allclose(found["acc_err"], 0, atol=1e-6)
    np.testing.assert_allclose(found["mpjpe_by_action"]["walk"], 10 * 22 / 24, rtol=1e-6)
    assert found["mpjpe_by_action"]["sit"] == 0
    np.testing.assert_allclose(found["mpjpe_by_joint"]["left_hip"], 0, atol=1e-6)
    np.testing.assert_allclose(found["mpjpe_by_joint"]["head"], 5, rtol=1e-6)
    assert found["pck"] == 100
    assert 0 < found["pa_mpjpe"] < found["mpjpe"]


def test_nothing_seen_is_no_figure() -> None:
    found = Errors(wanted=7).summary(UNLICENSED)
    assert (found["frames"], found["seen"]) == (0, 0.0)
    assert np.isnan([found[name] for name in ("pa_mpjpe", "mpjpe", "pve", "acc_err", "pck", "auc")]).all()


def test_licensed_files_that_are_missing(tmp_path: Path, licensed: LicensedFiles) -> None:
    with pytest.raises(LicensedFilesError, match="holds no SMPL_MALE"):
        LicensedFiles(tmp_path).body("male")
    with pytest.raises(LicensedFilesError, match=r"J_regressor_h36m\.npy cannot be read"):
        _ = LicensedFiles(tmp_path).regressor
    (tmp_path / "SMPL_NEUTRAL.npz").write_bytes(licensed.body_file("neutral").read_bytes())
    np.save(tmp_path / "J_regressor_h36m.npy", np.zeros((17, 6890)))
    with pytest.raises(LicensedFilesError, match=r"has shape \(17, 6890\), expected \(17, 24\)"):
        _ = LicensedFiles(tmp_path).regressor
