"""Results of each program, written as it writes them, read back as the motion they were made of."""

import pickle
import re
from collections import defaultdict
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from smpl_rig import rotations
from smpl_rig.body import Body
from smpl_rig.imports import placing
from smpl_rig.imports.content import ImportedFileError
from smpl_rig.imports.placing import Wearer
from smpl_rig.imports.reading import read_content, read_motions
from smpl_rig.imports.smpl_result import SMPLX_PELVIS, SOURCES
from smpl_rig.motion import Motion

from .joblib_file import write_joblib
from .performance import FRAMES, LEVEL_CAMERA_FROM_WORLD, Y_UP_FROM_WORLD, Performance, perform

#: Frames of the footage, with a gap.
FRAME_IDS = np.array([0, 1, 2, 3, 4, 5, 9, 10, 11, 12, 13, 14])
WIDTH, HEIGHT = 1280, 720
TOLERANCE_M = 1e-4


def assert_same_motion(motion: Motion, truth: Performance) -> None:
    """But for the height of the floor, which no file tells, the joints are where they were."""
    apart = motion.joints_world - truth.joints
    apart[..., 2] -= apart[0, 0, 2]
    np.testing.assert_allclose(apart, 0, atol=TOLERANCE_M)


def assert_filmed_from(motion: Motion, in_camera: np.ndarray) -> None:
    """The joints (T, 24, 3) lie where the camera saw them."""
    camera = motion.world_from_camera
    found = np.einsum(
        "tij,tnj->tni", camera[:, :3, :3].transpose(0, 2, 1), motion.joints_world - camera[:, None, :3, 3]
    )
    np.testing.assert_allclose(found, in_camera, atol=TOLERANCE_M)


def turning_camera(frames: int) -> np.ndarray:
    """(T, 3, 3): looking about."""
    turns = rotations.to_matrix(rotations.exp(np.linspace(0, 0.6, frames)[:, None] * [0.3, 1.0, 0.1]))
    return turns @ LEVEL_CAMERA_FROM_WORLD


def wham(people: list[Performance]) -> dict[Any, Any]:
    content: dict[Any, Any] = defaultdict(dict)
    for number, person in enumerate(people):
        pose, trans = person.seen_in(turning_camera(FRAMES), person.rest_joints[0])
        pose_world, trans_world = person.seen_in(Y_UP_FROM_WORLD, person.rest_joints[0])
        content[np.int64(number + 3)] = {
            "pose": pose.astype(np.float32),
            "trans": trans.astype(np.float32),
            "pose_world": pose_world.astype(np.float32),
            "trans_world": trans_world.astype(np.float32),
            "betas": np.tile(person.betas, (FRAMES, 1)).astype(np.float32),
            "verts": np.zeros((FRAMES, 3, 3), dtype=np.float32),
            "frame_ids": FRAME_IDS.copy(),
        }
    return content


def vibe(people: list[Performance]) -> dict[Any, Any]:
    """Weak perspective: x in the picture from -1 to 1 is scale x (X + x), and the like in the crop."""
    focal = np.hypot(WIDTH, HEIGHT)
    content = {}
    for number, person in enumerate(people):
        pose, trans = person.seen_in(LEVEL_CAMERA_FROM_WORLD, person.rest_joints[0])
        pixels_per_metre = focal / trans[:, 2]
        centre = np.array([WIDTH, HEIGHT]) / 2 + pixels_per_metre[:, None] * trans[:, :2] + [30, -10]
        side = np.full(FRAMES, 300.0)
        scale = pixels_per_metre / (side / 2)
        content[number] = {
            "pred_cam": np.column_stack(
                (scale, trans[:, :2] + (np.array([WIDTH, HEIGHT]) / 2 - centre) / pixels_per_metre[:, None])
            ),
            "orig_cam": np.column_stack(
                (pixels_per_metre / (WIDTH / 2), pixels_per_metre / (HEIGHT / 2), trans[:, :2])
            ),
            "verts": np.zeros((FRAMES, 2, 3)),
            "pose": pose,
            "betas": np.tile(person.betas, (FRAMES, 1)),
            "joints3d": np.zeros((FRAMES, 49, 3)),
            "joints2d": None,
            "bboxes": np.column_stack((centre, side, side)),
            "frame_ids": FRAME_IDS.copy(),
        }
    return content


def phalp(people: list[Performance]) -> dict[str, Any]:
    """Pictures of everybody; person 1 comes two pictures late; nobody is in the last, but both are predicted there."""
    focal, phalp_focal = np.hypot(WIDTH, HEIGHT), 5000 * WIDTH / 256
    content: dict[str, Any] = {}
    lists = ("tracked_ids", "tracked_bbox", "tid", "bbox", "tracked_time", "center", "scale", "size", "smpl", "camera")
    for frame in range(FRAMES + 1):
        entry: dict[str, Any] = {"time": frame, "shot": 0, "frame_path": f"_DEMO\\img\\{frame:06d}.jpg"}
        entry |= {key: [] for key in (*lists, "conf", "mask", "extra_data", "3d_joints", "camera_bbox")}
        for number, person in enumerate(people):
            at = min(frame, FRAMES - 1)
            if at < 2 * number:
                continue
            pose, trans = person.seen_in(LEVEL_CAMERA_FROM_WORLD, person.rest_joints[0])
            matrices = rotations.to_matrix(rotations.exp(pose[at].reshape(24, 3))).astype(np.float32)
            entry["tid"].append(number + 5)
            entry["tracked_time"].append(0 if frame < FRAMES else 1)
            entry["smpl"].append(
                {"global_orient": matrices[:1], "body_pose": matrices[1:], "betas": person.betas.astype(np.float32)}
            )
            entry["camera"].append(trans[at] * [1, 1, phalp_focal / focal])
            entry["bbox"].append(np.array([10.0, 20, 100, 200]))
            entry["size"].append([HEIGHT, WIDTH])
            entry["mask"].append([{"size": [HEIGHT, WIDTH], "counts": b"PQl50"}])
            entry["conf"].append(np.float64(0.9))
        content[str(entry["frame_path"])] = entry
    return content


def gvhmr(person: Performance) -> dict[str, Any]:
    def parameters(axes: np.ndarray) -> dict[str, np.ndarray]:
        pose, transl = person.seen_in(axes, SMPLX_PELVIS)
        return {
            "body_pose": pose[:, 3:66].astype(np.float32),
            "betas": np.zeros((FRAMES, 10), dtype=np.float32),
            "global_orient": pose[:, :3].astype(np.float32),
            "transl": transl.astype(np.float32),
        }

    return {
        "smpl_params_global": parameters(Y_UP_FROM_WORLD),
        "smpl_params_incam": parameters(turning_camera(FRAMES)),
        "K_fullimg": np.tile(np.array([[1400.0, 0, 640], [0, 1400, 360], [0, 0, 1]]), (FRAMES, 1, 1)),
        "net_outputs": {"model_output": {"pred_x": np.zeros((1, FRAMES, 151))}},
    }


def mean_shaped(person: Performance, body: Body) -> Performance:
    return replace(person, betas=np.zeros(10), rest_joints=body.rest_joints(np.zeros(10)))


def test_wham(body: Body, smpl: Wearer, tmp_path: Path) -> None:
    people = [perform(body, 1), perform(body, 2)]
    path = tmp_path / "wham_output.pkl"
    write_joblib(path, wham(people))
    motions = read_motions(path, smpl, frame_rate=25)
    assert [motion.person for motion in motions] == [0, 1]
    for motion, truth in zip(motions, people, strict=True):
        assert_same_motion(motion, truth)
        assert_filmed_from(motion, np.einsum("tij,tnj->tni", turning_camera(FRAMES), truth.joints))
        np.testing.assert_allclose(motion.timestamps_s, FRAME_IDS / 25)
        np.testing.assert_allclose(motion.betas, truth.betas, atol=1e-6)
        assert (motion.model, motion.footage[0]) == ("wham", "wham_output.pkl")


def test_vibe(body: Body, smpl: Wearer, tmp_path: Path) -> None:
    people = [perform(body, 3), perform(body, 4)]
    path = tmp_path / "vibe_output.pkl"
    write_joblib(path, vibe(people))
    for motion, truth in zip(read_motions(path, smpl), people, strict=True):
        assert_same_motion(motion, truth)
        assert_filmed_from(motion, truth.joints @ LEVEL_CAMERA_FROM_WORLD.T)
        assert tuple(motion.image_size) == (WIDTH, HEIGHT)
        np.testing.assert_allclose(motion.timestamps_s, FRAME_IDS / 30)


def test_phalp(body: Body, smpl: Wearer, tmp_path: Path) -> None:
    people = [perform(body, 5), perform(body, 6)]
    path = tmp_path / "demo_gymnasts.pkl"
    write_joblib(path, phalp(people), compressed=True)
    first, second = read_motions(path, smpl)
    assert_same_motion(first, people[0])
    assert_filmed_from(first, people[0].joints @ LEVEL_CAMERA_FROM_WORLD.T)
    late = people[1]
    late = replace(late, local_rotations=late.local_rotations[2:], pelvis=late.pelvis[2:])
    assert_same_motion(second, late)
    np.testing.assert_allclose(second.timestamps_s, np.arange(2, FRAMES) / 30)
    np.testing.assert_allclose(first.boxes, np.tile([10, 20, 100, 200], (FRAMES, 1)))


def test_gvhmr(body: Body, tmp_path: Path) -> None:
    """Its body is SMPL-X's, so its betas are nobody's here."""
    wearer = Wearer(body, has_smpl_shapes=False)
    truth = mean_shaped(perform(body, 7, hands=False), body)
    (motion,) = read_content(tmp_path_file(tmp_path), gvhmr(truth), wearer)
    assert_same_motion(motion, truth)
    assert_filmed_from(motion, np.einsum("tij,tnj->tni", turning_camera(FRAMES), truth.joints))
    assert tuple(motion.image_size) == (1280, 720)
    assert motion.K[0, 0] == 1400


def tmp_path_file(folder: Path) -> Path:
    path = folder / "hmr4d_results.pt"
    path.write_bytes(b"read by torch")
    return path


@pytest.mark.parametrize("with_camera", [True, False])
def test_archives_made_of_gvhmr(body: Body, tmp_path: Path, with_camera: bool) -> None:
    truth = mean_shaped(perform(body, 8, hands=False), body)
    content = gvhmr(truth)
    arrays = dict(content["smpl_params_global"])
    if with_camera:
        arrays |= {f"{key}_incam": array for key, array in content["smpl_params_incam"].items() if key != "betas"}
        arrays |= {"img_width": np.array([1280]), "img_height": np.array([720])}
    np.savez(tmp_path / "gvhmr.npz", **arrays)
    (motion,) = read_motions(tmp_path / "gvhmr.npz", Wearer(body, has_smpl_shapes=False))
    assert_same_motion(motion, truth)
    if with_camera:
        assert_filmed_from(motion, np.einsum("tij,tnj->tni", turning_camera(FRAMES), truth.joints))
        assert motion.K[0, 0] == pytest.approx(np.hypot(1280, 720))


@pytest.mark.parametrize("scaling", [97.5, None])
def test_aist(body: Body, tmp_path: Path, scaling: float | None) -> None:
    truth = mean_shaped(perform(body, 9), body)
    poses, trans = truth.seen_in(Y_UP_FROM_WORLD, truth.rest_joints[0])
    content: dict[str, Any] = {
        "smpl_poses": poses.astype(np.float32),
        "smpl_loss": np.float64(1e-3),
        "smpl_trans": trans,
    }
    if scaling is not None:
        content |= {
            "smpl_scaling": np.array([scaling], dtype=np.float32),
            "smpl_trans": (trans * scaling).astype(np.float32),
        }
    path = tmp_path / "gBR_sBM_cAll_d04_mBR0_ch01.pkl"
    path.write_bytes(pickle.dumps(content))
    (motion,) = read_motions(path, Wearer(body, has_smpl_shapes=False))
    assert_same_motion(motion, truth)
    assert motion.mocap_framerate == 60


@pytest.mark.parametrize("width", [72, 156])
def test_amass_stands_where_the_archive_says(body: Body, smpl: Wearer, tmp_path: Path, width: int) -> None:
    """Its world is Z up with the floor at 0, so that here nothing at all is moved."""
    truth = perform(body, 10, hands=width == 72)
    poses = np.zeros((FRAMES, width))
    poses[:, : min(width, 72)] = rotations.log(truth.local_rotations).reshape(FRAMES, 72)
    if width > 72:
        poses[:, 66:] = 0.3  # fingers
    np.savez(
        tmp_path / "walk_poses.npz",
        poses=poses,
        trans=truth.pelvis - truth.rest_joints[0],
        betas=np.concatenate((truth.betas, np.ones(6))),
        gender=np.array("female"),
        mocap_framerate=np.array(120.0),
        dmpls=np.zeros((FRAMES, 8)),
    )
    (motion,) = read_motions(tmp_path / "walk_poses.npz", smpl)
    np.testing.assert_allclose(motion.joints_world, truth.joints, atol=TOLERANCE_M)
    np.testing.assert_allclose(motion.betas, truth.betas, atol=1e-6)
    assert motion.mocap_framerate == 120


def test_a_body_with_other_shapes_stands_on_the_floor_in_its_own(body: Body, tmp_path: Path) -> None:
    """Somebody stands still for long: both soles at 0, the body of mean shape."""
    standing = np.zeros((50, 72))
    standing[:, 0] = np.pi / 2
    np.savez(
        tmp_path / "stand.npz",
        poses=standing,
        trans=np.full((50, 3), 7.0),
        betas=np.full(10, 2.0),
        mocap_framerate=60.0,
    )
    (motion,) = read_motions(tmp_path / "stand.npz", Wearer(body, has_smpl_shapes=False))
    assert not motion.betas.any()
    sole = body.vertices_rest(np.zeros(10))[:, 1].min() - body.rest_joints(np.zeros(10))[:, 1].min()
    np.testing.assert_allclose(motion.joints_world[..., 2].min(), -sole, atol=0.011)


def test_feet_that_stand_are_known_to(body: Body, tmp_path: Path) -> None:
    """A second and a half on the spot, then a glide at a metre per second."""
    poses, trans = np.zeros((90, 72)), np.zeros((90, 3))
    poses[:, 0] = np.pi / 2
    trans[45:, 0] = np.arange(45) / 30
    np.savez(tmp_path / "glide.npz", poses=poses, trans=trans, mocap_framerate=30.0)
    (motion,) = read_motions(tmp_path / "glide.npz", Wearer(body, has_smpl_shapes=False))
    assert (motion.contacts[:40] > 0.9).all()
    assert (motion.contacts[50:] < 0.1).all()


def drop(key: str) -> Callable[[dict[Any, Any]], None]:
    return lambda content: content.pop(key)


def cut(key: str) -> Callable[[dict[Any, Any]], None]:
    return lambda content: content.update({key: np.asarray(content[key])[:-1]})


def spoil(key: str) -> Callable[[dict[Any, Any]], None]:
    return lambda content: content.update({key: np.where(np.asarray(content[key]) > -1e9, np.nan, 0)})


@pytest.mark.parametrize("wrong", [drop, cut, spoil])
@pytest.mark.parametrize("key", ["pose", "trans", "trans_world", "betas", "frame_ids"])
def test_the_wrong_key_of_wham_is_named(
    body: Body, smpl: Wearer, tmp_path: Path, wrong: Callable[[str], Callable[[Any], None]], key: str
) -> None:
    content = wham([perform(body, 1)])
    wrong(key)(content[np.int64(3)])
    path = tmp_path / "wham_output.pkl"
    write_joblib(path, content)
    with pytest.raises(ImportedFileError, match=rf"wham_output\.pkl: Subject 3: Key '{key}'"):
        read_motions(path, smpl)


@pytest.mark.parametrize("wrong", [drop, cut, spoil])
@pytest.mark.parametrize("key", ["pose", "pred_cam", "bboxes", "betas", "frame_ids"])
def test_the_wrong_key_of_vibe_is_named(
    body: Body, smpl: Wearer, tmp_path: Path, wrong: Callable[[str], Callable[[Any], None]], key: str
) -> None:
    content = vibe([perform(body, 1)])
    wrong(key)(content[0])
    path = tmp_path / "vibe_output.pkl"
    write_joblib(path, content)
    named = key if (key, wrong) != ("pose", cut) else "pred_cam"  # the pose's length is what others are held against
    with pytest.raises(ImportedFileError, match=f"Subject 0: Key '{named}'"):
        read_motions(path, smpl)


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("smpl", None, "Key 'smpl' is missing"),
        ("camera", [], "Key 'camera' has 0 entries, 'tid' has 1"),
        ("camera", [np.zeros(2)], "Key 'camera' has shape (2,), expected (3,)"),
        ("smpl", [{"global_orient": np.eye(3)[None]}], "smpl: Key 'body_pose' is missing"),
        ("smpl", [np.zeros(3)], "Key 'smpl' holds a"),
        ("size", [0], "Key 'size' has shape ()"),
        ("tid", 5, "Key 'tid' holds a int, expected a list"),
    ],
)
def test_the_wrong_key_of_phalp_is_named(
    body: Body, smpl: Wearer, tmp_path: Path, key: str, value: Any, said: str
) -> None:
    content = phalp([perform(body, 1)])
    frame = content["_DEMO\\img\\000004.jpg"]
    if value is None:
        del frame[key]
    else:
        frame[key] = value
    path = tmp_path / "demo.pkl"
    write_joblib(path, content, compressed=True)
    with pytest.raises(ImportedFileError, match=r"000004\.jpg: .*" + re.escape(said)):
        read_motions(path, smpl)


def test_nobody_in_a_file_of_phalp_is_said(body: Body, smpl: Wearer, tmp_path: Path) -> None:
    path = tmp_path / "demo.pkl"
    write_joblib(path, phalp([]))
    with pytest.raises(ImportedFileError, match="nobody in the file"):
        read_motions(path, smpl)


@pytest.mark.parametrize(
    ("space", "key"),
    [
        *(("smpl_params_global", key) for key in ("body_pose", "global_orient", "transl", "betas")),
        *(("smpl_params_incam", key) for key in ("global_orient", "transl")),
    ],
)
def test_the_wrong_key_of_gvhmr_is_named(body: Body, smpl: Wearer, tmp_path: Path, space: str, key: str) -> None:
    content = gvhmr(perform(body, 1))
    del content[space][key]
    with pytest.raises(ImportedFileError, match=f"{space}: Key '{key}' is missing"):
        read_content(tmp_path_file(tmp_path), content, smpl)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ({"smpl_poses": np.zeros((3, 71)), "smpl_trans": np.zeros((3, 3))}, "Key 'smpl_poses' has shape (3, 71)"),
        ({"smpl_poses": np.zeros((3, 72)), "smpl_trans": np.zeros((2, 3))}, "Key 'smpl_trans' has shape (2, 3)"),
        ({"smpl_poses": np.zeros((3, 72))}, "Key 'smpl_trans' is missing"),
        ({"smpl_poses": np.zeros((0, 72))}, "Key 'smpl_poses' has shape (0, 72)"),
        (
            {"smpl_poses": np.zeros((3, 72)), "smpl_trans": np.zeros((3, 3)), "smpl_scaling": np.zeros(1)},
            "Key 'smpl_scaling' is 0",
        ),
        ({"smpl_poses": [["a"]], "smpl_trans": 0}, "Key 'smpl_poses' holds <U1, expected numbers"),
        ({"weights": 1}, "has the keys 'weights', which are not those of"),
        ({}, "has the keys of nothing"),
        ([1, 2], "The file holds a list, expected a dictionary"),
    ],
)
def test_what_is_wrong_in_a_pickle_is_named(smpl: Wearer, tmp_path: Path, content: Any, said: str) -> None:
    path = tmp_path / "result.pkl"
    path.write_bytes(pickle.dumps(content))
    with pytest.raises(ImportedFileError, match=r"result\.pkl.*" + re.escape(said)):
        read_motions(path, smpl)


def test_every_layout_is_known_as_imported() -> None:
    text = "".join(path.read_text() for path in (Path(placing.__file__).parent).glob("*.py"))
    named = {*re.findall(r'source="([^"]+)"', text), *re.findall(r', wearer, "([^"]+)"', text)}
    assert named == {*SOURCES}


def test_nothing_is_run_that_a_pickle_asks_for(smpl: Wearer, tmp_path: Path) -> None:
    path = tmp_path / "result.pkl"
    path.write_bytes(b"cbuiltins\nprint\n(Vhello\ntR.")
    with pytest.raises(ImportedFileError, match=r"result\.pkl: .*'builtins\.print'.*refused"):
        read_motions(path, smpl)
