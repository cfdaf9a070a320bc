"""The embedded body, and bodies in torch against numpy and against the smplx package."""

import hashlib
import os
import pickle
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from backend import body_builder
from backend.body import BODY_NAME, TorchBody, body_path, limber_body
from smpl_rig import rotations
from smpl_rig.body import Body, BodyError, skin
from smpl_rig.skeleton import INDEX, JOINT_NAMES, MIRROR, PARENTS

REPOSITORY = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def embedded() -> Body:
    return limber_body()


@pytest.fixture(scope="module")
def random_body(rest_joints: np.ndarray) -> Body:
    """As many vertices as SMPL has, and every array of it filled."""
    random = np.random.default_rng(11)
    count = 6890
    owners = random.integers(0, 24, count)
    weights = random.random((count, 24)) ** 8 + 4 * np.eye(24)[owners]
    regressor = (np.eye(24)[:, owners] > 0) * random.random((24, count))
    return Body(
        name="random",
        gender="neutral",
        v_template=rest_joints[owners] + random.normal(0, 0.05, (count, 3)),
        shapedirs=random.normal(0, 0.01, (count, 3, 10)),
        posedirs=random.normal(0, 0.01, (count, 3, 207)),
        J_regressor=regressor / regressor.sum(axis=1, keepdims=True),
        weights=weights / weights.sum(axis=1, keepdims=True),
        kintree_table=np.array([PARENTS, range(24)]),
        f=random.integers(0, count, (500, 3)),
    )


def random_pose(seed: int, frames: int = 4) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Betas (10,), local quaternions (T, 24, 4), translations (T, 3)."""
    random = np.random.default_rng(seed)
    vectors = random.normal(0, 0.8, (frames, 24, 3))
    return random.normal(0, 1.5, 10), rotations.exp(vectors), random.normal(0, 2, (frames, 3))


def in_torch(body: TorchBody, betas: np.ndarray, local: np.ndarray, trans: np.ndarray) -> np.ndarray:
    matrices = torch.tensor(rotations.to_matrix(local), dtype=torch.float32)
    vertices: np.ndarray = body.vertices(
        matrices, torch.tensor(betas, dtype=torch.float32)[None], torch.tensor(trans, dtype=torch.float32)
    ).numpy()
    return vertices


@settings(max_examples=8, deadline=None)
@given(seed=st.integers(0, 10**6))
def test_torch_and_numpy_agree(random_body: Body, embedded: Body, seed: int) -> None:
    for body in (random_body, embedded):
        betas, local, trans = random_pose(seed, frames=2)
        expected = skin(body, betas, local, trans)
        np.testing.assert_allclose(in_torch(TorchBody(body), betas, local, trans), expected, atol=1e-5)


def test_every_frame_may_have_a_shape_of_its_own(random_body: Body) -> None:
    torch_body = TorchBody(random_body)
    _, local, trans = random_pose(0, frames=3)
    betas = np.random.default_rng(5).normal(size=(3, 10))
    matrices = torch.tensor(rotations.to_matrix(local), dtype=torch.float32)
    together = torch_body.vertices(matrices, torch.tensor(betas).float(), torch.tensor(trans).float()).numpy()
    for frame in range(3):
        alone = skin(random_body, betas[frame], local[frame : frame + 1], trans[frame : frame + 1])
        np.testing.assert_allclose(together[frame : frame + 1], alone, atol=1e-5)


def test_same_as_the_smplx_package(random_body: Body, tmp_path: Path) -> None:
    """On the same file, with shape, pose corrections and translation, to 1e-5 m."""
    smplx = pytest.importorskip("smplx")
    keys = ("v_template", "shapedirs", "posedirs", "J_regressor", "weights", "f")
    raw = {key: getattr(random_body, key) for key in keys}
    raw["kintree_table"] = random_body.kintree_table.astype(np.uint32)
    path = tmp_path / "SMPL_NEUTRAL.pkl"
    path.write_bytes(pickle.dumps(raw, protocol=2))
    model = smplx.SMPL(str(path), batch_size=4)

    betas, local, trans = random_pose(2)
    vectors = torch.tensor(rotations.log(local), dtype=torch.float32)
    with torch.no_grad():
        theirs = model(
            betas=torch.tensor(betas, dtype=torch.float32)[None].expand(4, -1),
            global_orient=vectors[:, 0],
            body_pose=vectors[:, 1:].flatten(1),
            transl=torch.tensor(trans, dtype=torch.float32),
        )
    np.testing.assert_allclose(skin(random_body, betas, local, trans), theirs.vertices.numpy(), atol=1e-5)
    torch_body = TorchBody(random_body)
    np.testing.assert_allclose(in_torch(torch_body, betas, local, trans), theirs.vertices.numpy(), atol=1e-5)
    rest_joints = torch_body.rest_joints(torch.tensor(betas, dtype=torch.float32)[None])
    _, positions = torch_body.forward_kinematics(
        torch.tensor(rotations.to_matrix(local)).float(), rest_joints, torch.tensor(trans).float()
    )
    np.testing.assert_allclose(positions.numpy(), theirs.joints[:, :24].numpy(), atol=1e-5)
    np.testing.assert_allclose(rest_joints[0].numpy(), random_body.rest_joints(betas), atol=1e-5)


def test_gradients_reach_pose_shape_and_place(random_body: Body) -> None:
    torch_body = TorchBody(random_body)
    _, local, _ = random_pose(1, frames=1)
    matrices = torch.tensor(rotations.to_matrix(local)).float().requires_grad_()
    betas, transl = torch.zeros((1, 10), requires_grad=True), torch.zeros((1, 3), requires_grad=True)
    torch_body.vertices(matrices, betas, transl).square().sum().backward()
    for leaf in (matrices, betas, transl):
        assert leaf.grad is not None
        assert (leaf.grad != 0).any()


# the embedded body


def test_it_is_an_adult_in_the_t_pose(embedded: Body) -> None:
    assert embedded.name == BODY_NAME
    assert embedded.gender == "neutral"
    low, high = embedded.v_template.min(axis=0), embedded.v_template.max(axis=0)
    width, height, depth = high - low
    assert 1.62 < height < 1.78
    assert 0.95 < width / height < 1.05  # an arm span is about as long as its owner
    assert depth < 0.35
    joints = embedded.rest_joints(np.zeros(10))
    for side in ("left", "right"):
        shoulder, elbow, wrist, ankle, knee, hip, foot = (
            joints[INDEX[f"{side}_{name}"]] for name in ("shoulder", "elbow", "wrist", "ankle", "knee", "hip", "foot")
        )
        for out in (elbow - shoulder, wrist - elbow):
            assert abs(out[0]) > 0.98 * np.linalg.norm(out)
        for down in (knee - hip, ankle - knee):
            assert -down[1] > 0.98 * np.linalg.norm(down)
        assert foot[2] - ankle[2] > 0.1
        assert foot[1] - low[1] < 0.06


def test_its_joints_lie_where_smpls_do(embedded: Body) -> None:
    """SMPL's neutral rest joints, as its papers draw them, to 3 cm in the plane of the body, pelvis upon pelvis."""
    smpl = {
        "pelvis": (0, -0.22),
        "left_hip": (0.07, -0.31),
        "spine1": (0, -0.11),
        "left_knee": (0.105, -0.69),
        "spine2": (0, 0.02),
        "left_ankle": (0.09, -1.09),
        "spine3": (0, 0.07),
        "left_foot": (0.115, -1.14),
        "neck": (0, 0.285),
        "left_collar": (0.08, 0.195),
        "head": (0, 0.355),
        "left_shoulder": (0.174, 0.225),
        "left_elbow": (0.43, 0.212),
        "left_wrist": (0.683, 0.22),
        "left_hand": (0.765, 0.213),
    }
    joints = embedded.rest_joints(np.zeros(10))
    joints = joints - joints[0]
    for name, place in smpl.items():
        expected = np.array(place) - smpl["pelvis"]
        np.testing.assert_allclose(joints[INDEX[name], :2], expected, atol=0.03, err_msg=name)


def test_left_mirrors_right(embedded: Body) -> None:
    for betas in (np.zeros(10), np.eye(10)[0] * 2, np.eye(10)[3] * -2):
        joints = embedded.rest_joints(betas)
        np.testing.assert_allclose(joints[MIRROR] * [-1, 1, 1], joints, atol=0.004)


def test_triangles_face_outward(embedded: Body) -> None:
    a, b, c = (embedded.v_template[embedded.f[:, corner]].astype(np.float64) for corner in range(3))
    volume = np.einsum("fc,fc->", a, np.cross(b, c)) / 6  # of a closed mesh whose triangles face outward
    assert 0.045 < volume < 0.1  # cubic metres: an adult of 45 to 100 kg


def test_every_joint_moves_its_own_part(embedded: Body) -> None:
    np.testing.assert_allclose(embedded.weights.sum(axis=1), 1, atol=1e-5)
    assert (embedded.weights >= 0).all()
    for joint, name in enumerate(JOINT_NAMES):
        mine = embedded.weights[:, joint] > 0.25
        assert mine.sum() > 30, name
        centre = embedded.v_template[mine].mean(axis=0)
        if name.startswith("left_"):
            assert centre[0] > 0, name


def test_betas_are_orthogonal_and_ordered(embedded: Body) -> None:
    flat = embedded.shapedirs.reshape(-1, 10).astype(np.float64)
    gram = flat.T @ flat
    sizes = np.sqrt(np.diag(gram))
    assert (np.diff(sizes) < 0).all()
    np.testing.assert_allclose(gram / np.outer(sizes, sizes), np.eye(10), atol=0.02)


def test_joints_follow_the_shape(embedded: Body) -> None:
    """Whatever the betas, a limb's joint stays in the middle of the ring of skin that bends there."""
    random = np.random.default_rng(4)
    for betas in (np.zeros(10), *random.normal(0, 1.3, (12, 10))):
        vertices, joints = embedded.vertices_rest(betas), embedded.rest_joints(betas)
        for name in ("left_knee", "right_ankle", "left_elbow", "right_wrist"):
            joint = INDEX[name]
            shared = np.minimum(embedded.weights[:, joint], embedded.weights[:, PARENTS[joint]])
            ring = vertices[shared > 0.25]
            assert np.linalg.norm(ring.mean(axis=0) - joints[joint]) < 0.035, name


def test_tall_and_short_people_are_within_reach(embedded: Body) -> None:
    heights = [np.ptp(embedded.vertices_rest(np.eye(10)[0] * beta)[:, 1]) for beta in (-2, 0, 2)]
    assert heights[0] < 1.6 < heights[1] < 1.8 < heights[2]


def test_it_is_light(embedded: Body) -> None:
    assert body_path().stat().st_size < 2_500_000
    assert not embedded.has_pose_corrections


def test_a_bent_knee_keeps_the_shin(embedded: Body) -> None:
    """Vertices that belong to the shin alone turn rigidly about the knee."""
    local = np.tile(rotations.IDENTITY, (1, 24, 1))
    local[0, INDEX["left_knee"]] = rotations.exp(np.array([np.radians(90), 0, 0]))
    posed = skin(embedded, np.zeros(10), local, np.zeros((1, 3)))[0]
    shin = embedded.weights[:, INDEX["left_knee"]] > 0.999
    knee = embedded.rest_joints(np.zeros(10))[INDEX["left_knee"]]
    x, y, z = (embedded.v_template[shin] - knee).T
    np.testing.assert_allclose(posed[shin] - knee, np.stack((x, -z, y), axis=-1), atol=1e-3)
    assert (posed[shin][:, 2] < knee[2] + 0.1).all()  # the shin goes backward


def test_a_cache_that_cannot_be_made_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("LIMBER_CACHE", str(tmp_path / "file"))
    with pytest.raises(BodyError, match=r"cannot be kept in .*LIMBER_CACHE"):
        body_path()


@pytest.mark.slow
def test_building_it_again_gives_the_same_bytes(tmp_path: Path) -> None:
    """In another process, with another number of threads."""
    environment = os.environ | {"LIMBER_CACHE": str(tmp_path), "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    environment.pop("ANNY_CACHE_DIR", None)
    program = "from backend.body import body_path; print(body_path())"
    command = [sys.executable, "-W", "error", "-c", program]
    ran = subprocess.run(command, cwd=REPOSITORY, env=environment, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.strip() == str(tmp_path / "bodies" / f"{BODY_NAME}.npz")
    built, kept = (hashlib.sha256(path.read_bytes()).hexdigest() for path in (Path(ran.stdout.strip()), body_path()))
    assert built == kept
    assert [path.name for path in (tmp_path / "bodies").iterdir()] == [f"{BODY_NAME}.npz"]


# how it is built


def test_zeros_have_no_sign() -> None:
    """Sums that cancel end a little above nothing on one machine and a little below on another."""
    rounded = body_builder._rounded(np.array([1e-9, -1e-9, -0.25]))
    assert not np.signbit(rounded[:2]).any()
    assert rounded.tolist() == [0.0, 0.0, -0.25]


def test_principal_directions_have_unit_variance() -> None:
    """Samples made of known orthogonal directions with known deviations."""
    random = np.random.default_rng(0)
    count, points = 300, 40
    directions = np.linalg.qr(random.normal(size=(points * 3, 12)))[0]
    deviations = 0.5 ** np.arange(12)
    scores = np.linalg.qr(random.normal(size=(count, 13)) - 0)[0][:, 1:]
    scores = np.linalg.qr(scores - scores.mean(axis=0))[0] * np.sqrt(count)  # uncorrelated, of unit variance
    template = random.normal(size=(points, 3))
    vertices = template + ((scores * deviations) @ directions.T).reshape(count, points, 3)
    found = body_builder._principal_directions(vertices, template).reshape(-1, 10)
    np.testing.assert_allclose(np.abs(np.sum(found * directions[:, :10], axis=0)), deviations[:10], rtol=1e-9)
    betas = (vertices - template).reshape(count, -1) @ found / np.sum(found**2, axis=0)
    np.testing.assert_allclose(betas.T @ betas / count, np.eye(10), atol=1e-9)
    crown, sole = np.argmax(template[:, 1]), np.argmin(template[:, 1])
    tall = found.reshape(points, 3, 10)
    assert (tall[crown, 1] - tall[sole, 1] >= 0).all()


def test_the_regressor_finds_joints_that_are_means_of_the_skin() -> None:
    random = np.random.default_rng(1)
    directions = random.normal(size=(600, 3))
    sphere = 0.1 * directions / np.linalg.norm(directions, axis=1, keepdims=True)
    scales = random.uniform(0.8, 1.2, (200, 1, 3))
    places = random.normal(0, 0.02, (200, 1, 3))
    vertices = sphere * scales + places
    joints = np.tile(places, (1, 24, 1))
    regressor = body_builder._joint_regressor(vertices, joints)
    np.testing.assert_allclose(regressor.sum(axis=1), 1)
    stretched = sphere * [1.3, 0.9, 1.1] + [0.3, 0.1, -0.2]  # of a shape and at a place never seen
    np.testing.assert_allclose(regressor @ stretched, np.tile([0.3, 0.1, -0.2], (24, 1)), atol=1e-4)


def test_phenotypes_are_spread_evenly() -> None:
    phenotypes = body_builder._phenotypes()
    for name, values in phenotypes.items():
        assert values.shape == (body_builder.SAMPLE_COUNT,)
        assert values.min() >= 0, name
        assert values.max() <= 1, name
    assert phenotypes["gender"].mean() == pytest.approx(0.5, abs=0.01)
    for name, (mean, _) in body_builder._NORMAL_PHENOTYPES.items():
        assert phenotypes[name].mean() == pytest.approx(mean, abs=0.01)
    together = np.corrcoef(np.array(list(phenotypes.values())))
    assert np.abs(together - np.eye(len(together))).max() < 0.1
