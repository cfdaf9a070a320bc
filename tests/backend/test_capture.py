from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from backend.body import limber_body
from backend.cache import cache_folder
from backend.camera_motion import CameraMotion
from backend.capture import Cancelled, CaptureError, CaptureSettings, capture, choose_device, choose_people, motion_of
from backend.demo.clip import RenderedClip
from backend.evaluation.comparison import compare
from backend.features.initial_pose import BodyInCamera
from backend.features.swaps import repair_swaps
from backend.footage import open_footage
from backend.people.model_files import choose_landmarks
from backend.people.tracks import Track
from smpl_rig import rotations
from smpl_rig.axes import WORLD_FROM_LEVEL_CAMERA
from smpl_rig.errors import LimberError
from smpl_rig.motion import Motion
from smpl_rig.refine import refine
from smpl_rig.skeleton import INDEX

REPOSITORY = Path(__file__).resolve().parents[2]
FOOTAGE = REPOSITORY.parent / "shared" / "footage"


def silent(_stage: str, _fraction: float, _people: int | None = None) -> None:
    """For captures that nobody watches."""


def track(person: int, frames: int = 5) -> Track:
    return Track(
        person,
        np.arange(frames),
        np.arange(frames) / 30,
        np.ones((frames, 33, 3)),
        np.zeros((frames, 33, 3)),
        np.ones((frames, 4)),
        np.ones(frames, dtype=bool),
    )


@pytest.fixture(scope="module")
def captured(rendered_clip: RenderedClip, tmp_path_factory: pytest.TempPathFactory) -> tuple[Motion, Path]:
    result = capture(rendered_clip.path, CaptureSettings(), silent)
    path = tmp_path_factory.mktemp("capture") / "person_0.npz"
    result.motions[0].save(path)
    assert len(result.motions) == 1
    assert result.report["footage"]["frames_read"] == 120
    assert not [warning for warning in result.report["warnings"] if "damaged" in warning or "Nobody" in warning]
    return result.motions[0], path


def test_beats_blazepose_by_a_quarter(rendered_clip: RenderedClip, captured: tuple[Motion, Path]) -> None:
    """Over a clip in which the person turns their back to the camera."""
    rows = compare(rendered_clip.path, captured[1], rendered_clip.performance.joints_world, rendered_clip.camera)
    assert rows["Limber, raw"]["pa_mpjpe"] <= 0.75 * rows["BlazePose's own 3D"]["pa_mpjpe"]
    assert rows["Limber, raw"]["acc_err"] <= 0.75 * rows["BlazePose's own 3D"]["acc_err"]
    assert rows["Limber, default smoothness"]["acc_err"] < rows["Limber, raw"]["acc_err"]


def test_the_person_walks_where_they_walked(rendered_clip: RenderedClip, captured: tuple[Motion, Path]) -> None:
    motion, truth = captured[0], rendered_clip.performance
    sideways = motion.pelvis_world[:, 0] - motion.pelvis_world[0, 0]
    true_sideways = truth.joints_world[:, 0, 0] - truth.joints_world[0, 0, 0]
    assert np.abs(sideways - true_sideways).max() < 0.2
    assert np.abs(np.ptp(motion.pelvis_world[:, 2]) - np.ptp(truth.joints_world[:, 0, 2])) < 0.12


def test_is_upright_on_the_floor(captured: tuple[Motion, Path]) -> None:
    motion = captured[0]
    assert (motion.joints_world[:, 15, 2] > motion.joints_world[:, 0, 2]).all()
    lowest = motion.joints_world[..., 2].min(axis=1)
    assert np.median(lowest) < 0.1
    assert lowest.min() > -0.15


def test_feet_that_rest_stay_where_they_are(rendered_clip: RenderedClip, captured: tuple[Motion, Path]) -> None:
    """At the default smoothness, by how fast ankles of planted feet are as a rule."""
    truth = rendered_clip.performance
    planted = truth.planted[1:] & truth.planted[:-1] & (np.diff(truth.planted, axis=0) == 0)

    def slide(motion: Motion) -> float:
        ankles = motion.joints_world[:, [INDEX["left_ankle"], INDEX["right_ankle"]]]
        return float(np.median(30 * np.linalg.norm(np.diff(ankles, axis=0), axis=-1)[planted]))

    assert slide(refine(captured[0])) < slide(captured[0]) / 3


def test_reprojects_onto_the_landmarks(captured: tuple[Motion, Path]) -> None:
    motion = captured[0]
    world_from_camera = motion.world_from_camera.astype(float)
    moved = motion.joints_world - world_from_camera[:, None, :3, 3]
    projected = np.einsum("tji,tkj->tki", world_from_camera[:, :3, :3], moved) @ motion.K.T
    pixels = projected[..., :2] / projected[..., 2:]
    knees, wrists = pixels[:, [4, 5]], pixels[:, [20, 21]]
    height = motion.boxes[:, 3].mean()
    assert np.linalg.norm(knees - motion.landmarks2d[:, [25, 26], :2], axis=-1).mean() < 0.03 * height
    assert np.linalg.norm(wrists - motion.landmarks2d[:, [15, 16], :2], axis=-1).mean() < 0.04 * height


def test_footage_without_people_is_a_normal_case(make_video: Callable[..., Path]) -> None:
    result = capture(make_video(), CaptureSettings(detector="full"), silent)
    assert result.motions == []
    assert result.report["warnings"] == ["Nobody was found in the 12 frames that were read."]


def test_the_best_detector_that_is_here_is_used_and_told(
    make_video: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert capture(make_video(), CaptureSettings(), silent).report["detector"] == choose_landmarks("auto")
    (tmp_path / "bodies").symlink_to(cache_folder() / "bodies")  # all that is kept there but the heavy model
    monkeypatch.setenv("LIMBER_CACHE", str(tmp_path))
    result = capture(make_video(), CaptureSettings(), silent)
    assert result.report["detector"] == "full"
    assert [said for said in result.report["warnings"] if "'limber setup --heavy' brings it" in said]
    chosen = capture(make_video(), CaptureSettings(detector="full"), silent)
    assert not [said for said in chosen.report["warnings"] if "limber setup" in said]


def test_a_cancel_ends_it(make_video: Callable[..., Path]) -> None:
    def cancel(stage: str, fraction: float, _people: int | None = None) -> None:
        if stage == "people" and fraction > 0.2:
            raise Cancelled

    with pytest.raises(Cancelled):
        capture(make_video(), CaptureSettings(), cancel)


@pytest.mark.parametrize("moves", [False, True])
def test_feet_tell_of_a_camera_whose_background_shows_turns_only(rendered_clip: RenderedClip, moves: bool) -> None:
    """It is driven past the walker and looks at them all the time, so that without its way they would fly in a bow."""
    truth, body = rendered_clip.performance, limber_body()
    count, rest_joints = len(truth.timestamps_s), limber_body().rest_joints(np.zeros(10))
    stands = np.array([-1.5, -4.0, 1.4]) + (0.8 * truth.timestamps_s)[:, None] * (1.0, 0.1, 0)
    heading = np.arctan2(*(truth.joints_world[:, 0] - stands)[:, :2].T)
    cameras = rotations.to_matrix(rotations.exp(-heading[:, None] * (0, 0, 1))) @ WORLD_FROM_LEVEL_CAMERA
    local = truth.local_rotations.copy()
    local[:, 0] = rotations.multiply(rotations.from_matrix(cameras.swapaxes(1, 2)), local[:, 0])
    transl = np.einsum("tji,tj->ti", cameras, truth.joints_world[:, 0] - stands) - rest_joints[0]
    seen = BodyInCamera(rotations.to_matrix(local), np.zeros(10), transl, np.ones((count, 24)))
    person = replace(track(0, count), timestamps_s=truth.timestamps_s)
    camera = CameraMotion(count, cameras[0].T @ cameras, moves=moves)
    motion = motion_of(open_footage(rendered_clip.path), np.eye(3), body, "per-frame", person, seen, camera)
    went = np.linalg.norm(np.ptp(motion.world_from_camera[:, :2, 3], axis=0))
    assert went == pytest.approx(np.linalg.norm(np.ptp(stands[:, :2], axis=0)), rel=0.15)


def test_a_tripod_that_shakes_stays_in_its_place(rendered_clip: RenderedClip) -> None:
    """However much the feet of somebody who is seen to glide ask for a camera that goes along."""
    truth, body = rendered_clip.performance, limber_body()
    count, rest_joints = len(truth.timestamps_s), body.rest_joints(np.zeros(10))
    shaken = np.radians(0.1) * np.sin(9 * truth.timestamps_s)[:, None] * (0, 0, 1)
    cameras = rotations.to_matrix(rotations.exp(shaken)) @ WORLD_FROM_LEVEL_CAMERA
    glides = truth.joints_world[:, 0] + (0.8 * truth.timestamps_s)[:, None] * (1.0, 0.1, 0)
    local = truth.local_rotations.copy()
    local[:, 0] = rotations.multiply(rotations.from_matrix(cameras.swapaxes(1, 2)), local[:, 0])
    transl = np.einsum("tji,tj->ti", cameras, glides - [-1.5, -4.0, 1.4]) - rest_joints[0]
    seen = BodyInCamera(rotations.to_matrix(local), np.zeros(10), transl, np.ones((count, 24)))
    person = replace(track(0, count), timestamps_s=truth.timestamps_s)
    camera = CameraMotion(count, cameras[0].T @ cameras)
    motion = motion_of(open_footage(rendered_clip.path), np.eye(3), body, "per-frame", person, seen, camera)
    assert np.ptp(motion.world_from_camera[:, :3, 3], axis=0).max() == 0


def test_chooses_people() -> None:
    tracks = [track(0), track(1)]
    assert choose_people(tracks, "all") == tracks
    assert choose_people(tracks, "largest") == tracks[:1]
    assert choose_people(tracks, "1") == tracks[1:]
    assert choose_people([], "1") == []
    with pytest.raises(CaptureError, match=r"There is no person 7 .* numbers 0, 1\."):
        choose_people(tracks, "7")
    with pytest.raises(CaptureError, match="'tallest' is not understood"):
        choose_people(tracks, "tallest")


def test_refuses_a_device_that_is_not_there() -> None:
    with pytest.raises(CaptureError, match="'abacus' is unknown"):
        choose_device("abacus")
    assert choose_device("cpu").type == "cpu"


def test_refuses_a_network_without_weights_before_any_work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LIMBER_CACHE", str(tmp_path))  # where nobody has imported any
    with pytest.raises(LimberError, match="has no weights"):
        capture(tmp_path / "missing.mp4", CaptureSettings(network="mps-net-paper"), silent)


def test_refuses_a_detector_that_is_not_here_before_any_work(
    make_video: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LIMBER_CACHE", str(tmp_path))
    for name, said in (("heavy", "Run 'limber setup --heavy'"), ("tiny", "Detector 'tiny' is unknown")):
        with pytest.raises(LimberError, match=said):
            capture(make_video(), CaptureSettings(detector=name), silent)
    assert not [*tmp_path.iterdir()]


def test_unswapped_landmarks_are_left_alone(rendered_clip: RenderedClip, captured: tuple[Motion, Path]) -> None:
    motion = captured[0]
    again = Track(
        0,
        np.arange(len(motion)),
        motion.timestamps_s,
        motion.landmarks2d,
        np.zeros((len(motion), 33, 3)),
        motion.boxes,
        motion.observed,
    )
    repaired, _ = repair_swaps(again)
    np.testing.assert_array_equal(repaired.landmarks2d, motion.landmarks2d)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "people"),
    [("hybrik_taiji.mp4", 1), ("phalp_vid_moving_camera.mp4", 1), ("sports2d_demo.mp4", 2)],
)
def test_real_footage(name: str, people: int) -> None:
    if not (FOOTAGE / name).exists():
        pytest.skip(f"{name} is not here")
    result = capture(FOOTAGE / name, CaptureSettings(person="all", end_s=3.0), silent)
    lasting = [motion for motion in result.motions if len(motion) > 30]
    assert len(lasting) >= people
    for motion in lasting:
        up = motion.joints_world[motion.observed][:, 15, 2] - motion.joints_world[motion.observed][:, 0, 2]
        assert np.median(up) > 0.3  # everybody in these clips is upright most of the time
        assert motion.confidence[motion.observed].mean() > 0.4
