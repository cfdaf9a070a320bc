"""Files of other programs' predictions, made here in the layouts that those programs write."""

import pickle
import re
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from backend.features.initial_estimates import (
    InitialEstimates,
    PredictionError,
    Predictions,
    initial_estimates,
    read_predictions,
    with_estimates,
)
from backend.models import crop_camera, rotation6d
from backend.models.frame_features import FrameFeatures
from backend.models.regressor import MEAN_CAMERA
from backend.models.sliding_window import stream

from ..models.tiny import TINY
from ..models.tiny import features as random_features
from .seen_track import seen_track

IMAGE_SIZE = (640, 480)
#: Of one person: x, y, width, height; metres in pixels where they are; where their body's origin is seen.
BOX, PIXELS_PER_METRE, ORIGIN = np.array([300.0, 100, 80, 200]), 110.0, np.array([338.0, 190.0])


def matrices(seed: int, count: int = 24) -> np.ndarray:
    return np.asarray(Rotation.random(count, random_state=seed).as_matrix())


def betas(seed: int) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=10)


# --- what the programs write ---------------------------------------------------------------------------------------


def phalp_person(seed: int, box: np.ndarray = BOX, unseen_for: int = 0) -> dict[str, Any]:
    """One person's entries, each under its key. The crop is a square of the padded box's longer side."""
    centre, padded = box[:2] + box[2:] / 2 + 3, 1.2 * box[2:]
    rotations = matrices(seed).astype(np.float32)
    camera = np.array([2 * PIXELS_PER_METRE / padded.max(), *((ORIGIN - centre) / PIXELS_PER_METRE)], np.float32)
    return {
        "tid": seed + 1,
        "bbox": box,
        "tracked_time": unseen_for,
        "center": centre,
        "scale": padded,
        "size": [IMAGE_SIZE[1], IMAGE_SIZE[0]],
        "img_path": f"_DEMO\\img\\{seed:06d}.jpg",
        "conf": 0.98,
        "smpl": {
            "global_orient": rotations[:1],
            "body_pose": rotations[1:],
            "betas": betas(seed).astype(np.float32),
        },
        "camera": np.array([0.1, 0.2, 30.0], np.float32),
        "camera_bbox": camera,
        "3d_joints": np.zeros((45, 3), np.float32),
        "2d_joints": np.zeros(90, np.float32),
        "mask": {"size": [480, 640], "counts": b"0123"},
        "extra_data": {},
    }


def phalp_frame(time: int, *people: dict[str, Any]) -> dict[str, Any]:
    frame: dict[str, Any] = {key: [person[key] for person in people] for key in phalp_person(0)}
    seen = [person for person in people if not person["tracked_time"]]
    return frame | {
        "time": time,
        "shot": 0,
        "frame_path": f"{time:06d}.jpg",
        "tracked_ids": [person["tid"] for person in seen],
        "tracked_bbox": [person["bbox"] for person in seen],
    }


def write_phalp(path: Path, *frames: dict[str, Any]) -> Path:
    content = {frame["frame_path"]: frame for frame in frames}
    path.write_bytes(zlib.compress(pickle.dumps(content, protocol=4)))
    return path


def cliff_arrays() -> dict[str, np.ndarray]:
    """Two frames with one person, then one with two; angles as rotation vectors."""
    frames, boxes = [0, 1, 2, 2], np.stack([BOX, BOX + 1, BOX + 2, BOX - [200, 0, 0, 0]])
    low = boxes[:, :2]
    scores = np.tile([0.9, 0.95, 0.0], (4, 1))
    return {
        "imgname": np.array(["a.png", "b.png", "c.png"]),
        "pose": np.stack([Rotation.from_matrix(matrices(seed)).as_rotvec().reshape(72) for seed in range(4)]),
        "shape": np.stack([betas(seed) for seed in range(4)]),
        "global_t": np.array([[0.1, -0.2, 6], [0.1, -0.2, 6.1], [0.1, -0.2, 6.2], [-1.2, -0.2, 5]]),
        "pred_joints": np.zeros((4, 45, 3)),
        "focal_l": np.full(4, 800.0),
        "detection_all": np.column_stack((frames, low, low + boxes[:, 2:], scores)),
    }


def write_cliff(path: Path, changed: dict[str, Any] | None = None) -> Path:
    arrays = {key: value for key, value in (cliff_arrays() | (changed or {})).items() if value is not None}
    np.savez(path, **arrays)
    return path


# --- reading -------------------------------------------------------------------------------------------------------


def test_4d_humans_file_gives_everybody_who_was_seen(tmp_path: Path) -> None:
    path = write_phalp(
        tmp_path / "demo_clip.pkl",
        phalp_frame(0, phalp_person(0)),
        phalp_frame(1),
        phalp_frame(2, phalp_person(1), phalp_person(2, unseen_for=1), phalp_person(3, BOX + 1)),
    )
    found = read_predictions(path, IMAGE_SIZE)
    assert found.frames.tolist() == [0, 2, 2]
    assert found.boxes == pytest.approx(np.stack((BOX, BOX, BOX + 1)))
    assert found.rotations == pytest.approx(np.stack([matrices(seed) for seed in (0, 1, 3)]), abs=1e-6)
    assert found.betas == pytest.approx(np.stack([betas(seed) for seed in (0, 1, 3)]), rel=1e-6)
    assert found.scale == pytest.approx([PIXELS_PER_METRE] * 3, rel=1e-6)
    assert found.origin == pytest.approx(np.stack([ORIGIN] * 3), rel=1e-6)


def test_rotations_as_six_numbers_are_hmr2s_columns_one_after_the_other(tmp_path: Path) -> None:
    person = phalp_person(0)
    six = matrices(0)[:, :, :2].transpose(0, 2, 1).reshape(24, 6)
    person["smpl"] |= {"global_orient": six[:1], "body_pose": six[1:]}
    found = read_predictions(write_phalp(tmp_path / "a.pkl", phalp_frame(0, person)), IMAGE_SIZE)
    assert found.rotations[0] == pytest.approx(matrices(0), abs=1e-6)


@pytest.mark.parametrize("as_matrices", [False, True])
def test_cliffs_file_gives_every_detection(as_matrices: bool, tmp_path: Path) -> None:
    turned = np.stack([matrices(seed) for seed in range(4)])
    path = write_cliff(tmp_path / "clip_cliff_hr48.npz", {"pose": turned} if as_matrices else {})
    found, written = read_predictions(path, IMAGE_SIZE), cliff_arrays()
    assert found.frames.tolist() == [0, 1, 2, 2]
    assert found.boxes[2:] == pytest.approx(np.stack((BOX + 2, BOX - [200, 0, 0, 0])))
    assert found.rotations == pytest.approx(turned, abs=1e-9)
    assert found.betas == pytest.approx(written["shape"])
    # under a pinhole camera in the middle of the picture
    expected = 800 * written["global_t"][:, :2] / written["global_t"][:, 2:] + [320, 240]
    assert found.origin == pytest.approx(expected)
    assert found.scale == pytest.approx(800 / written["global_t"][:, 2])


def test_files_without_anybody_are_read(tmp_path: Path) -> None:
    assert len(read_predictions(write_phalp(tmp_path / "a.pkl", phalp_frame(0)), IMAGE_SIZE).frames) == 0
    nobody = {key: array[:0] for key, array in cliff_arrays().items()}
    found = read_predictions(write_cliff(tmp_path / "a.npz", nobody), IMAGE_SIZE)
    estimates = initial_estimates(found, seen_track(np.arange(3) / 30, BOX))
    assert not estimates.predicted.any()


# --- refusing ------------------------------------------------------------------------------------------------------


def refuses(path: Path, key: str) -> None:
    with pytest.raises(PredictionError) as error:
        read_predictions(path, IMAGE_SIZE)
    assert str(error.value).startswith(f"{path.name}: ")
    assert re.search(rf"keys? .*'{re.escape(key)}'", str(error.value)), str(error.value)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("pose", None),
        ("shape", None),
        ("global_t", None),
        ("focal_l", None),
        ("detection_all", None),
        ("pose", np.zeros((4, 71))),
        ("pose", np.zeros((4, 24, 3, 3))),
        ("pose", -np.stack([matrices(seed) for seed in range(4)])),
        ("shape", np.full((4, 10), np.nan)),
        ("shape", np.zeros((4, 11))),
        ("global_t", np.zeros((4, 3))),
        ("focal_l", np.zeros(4)),
        ("focal_l", np.array(["a"] * 4)),
        ("detection_all", np.zeros((3, 8))),
        ("detection_all", np.zeros((4, 4))),
        ("detection_all", np.full((4, 8), -1.0)),
        ("detection_all", np.full((4, 8), 1e300)),
    ],
)
def test_the_key_of_a_cliff_file_that_is_wrong_is_named(key: str, value: Any, tmp_path: Path) -> None:
    refuses(write_cliff(tmp_path / "a.npz", {key: value}), key)


@pytest.mark.parametrize("key", ["time", "bbox", "tracked_time", "center", "scale", "smpl", "camera_bbox"])
def test_a_missing_key_of_a_4d_humans_file_is_named(key: str, tmp_path: Path) -> None:
    frame = phalp_frame(0, phalp_person(0))
    del frame[key]
    refuses(write_phalp(tmp_path / "a.pkl", frame), key)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("time", -1),
        ("time", 0.5),
        ("time", 10**300),
        ("time", "0"),
        ("bbox", 5),
        ("camera_bbox", []),
        ("smpl", None),
    ],
)
def test_a_frames_entry_that_is_wrong_is_named(key: str, value: Any, tmp_path: Path) -> None:
    refuses(write_phalp(tmp_path / "a.pkl", phalp_frame(0, phalp_person(0)) | {key: value}), key)


@pytest.mark.parametrize(
    ("key", "value", "named"),
    [
        ("bbox", np.zeros(3), "bbox[1]"),
        ("center", np.array([np.nan, 0]), "center[1]"),
        ("scale", np.zeros(2), "scale[1]"),
        ("scale", [[1, 2], [3]], "scale[1]"),
        ("camera_bbox", np.array([-1.0, 0, 0]), "camera_bbox[1]"),
        ("camera_bbox", None, "camera_bbox[1]"),
        ("tracked_time", "soon", "tracked_time[1]"),
        ("smpl", np.zeros(3), "smpl[1]"),
        ("smpl", {"global_orient": np.eye(3)[None], "body_pose": matrices(0, 23)}, "smpl[1].betas"),
        ("smpl", {"body_pose": matrices(0, 23), "betas": np.zeros(10)}, "smpl[1].global_orient"),
        ("smpl", {"global_orient": np.eye(3)[None], "body_pose": np.zeros((23, 3))}, "smpl[1].body_pose"),
        ("smpl", {"global_orient": np.eye(3)[None], "body_pose": np.zeros((23, 3, 3))}, "smpl[1].body_pose"),
    ],
)
def test_a_persons_entry_that_is_wrong_is_named(key: str, value: Any, named: str, tmp_path: Path) -> None:
    frame = phalp_frame(0, phalp_person(0), phalp_person(1) | {key: value})
    refuses(write_phalp(tmp_path / "a.pkl", frame), named)


#: What a damaged or foreign file may hold in any place.
junk = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=3)
    | st.binary(max_size=3)
    | st.sampled_from([np.zeros(3), np.zeros((24, 3, 3)), np.zeros((0, 5)), np.float32(1), np.array("a"), matrices(0)]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=5,
)


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(place=st.sampled_from(["whole", "frame", "entry", "person", "smpl"]), data=st.data())
def test_whatever_a_pickle_holds_is_read_or_refused(place: str, data: st.DataObject, tmp_path: Path) -> None:
    frame = phalp_frame(0, phalp_person(0), phalp_person(1))
    content: Any = {"a.jpg": frame, "b.jpg": phalp_frame(1)}
    value = data.draw(junk)
    key = data.draw(st.sampled_from(["bbox", "tracked_time", "smpl", "camera_bbox", "center", "scale"]))
    if place == "whole":
        content = value
    elif place == "frame":
        content["a.jpg"] = value
    elif place == "entry":
        frame[data.draw(st.sampled_from(["time", key]))] = value
    elif place == "person":
        frame[key][1] = value
    else:
        frame["smpl"][1][data.draw(st.sampled_from(["global_orient", "body_pose", "betas"]))] = value
    path = tmp_path / "a.pkl"
    path.write_bytes(pickle.dumps(content))
    try:
        found = read_predictions(path, IMAGE_SIZE)
    except PredictionError:
        return
    assert all(np.isfinite(getattr(found, name)).all() for name in ("boxes", "rotations", "betas", "scale", "origin"))


def test_what_is_no_file_of_predictions_is_refused(tmp_path: Path) -> None:
    with pytest.raises(PredictionError, match=r"clip\.mp4 is no file of predictions"):
        read_predictions(tmp_path / "clip.mp4", IMAGE_SIZE)
    with pytest.raises(PredictionError, match=r"nowhere\.pkl does not exist"):
        read_predictions(tmp_path / "nowhere.pkl", IMAGE_SIZE)
    for name in ("a.pkl", "a.npz"):
        (tmp_path / name).write_bytes(b"<html>Sign in</html>")
        with pytest.raises(PredictionError, match=f"{re.escape(name)}: it cannot be read"):
            read_predictions(tmp_path / name, IMAGE_SIZE)
    whole = write_cliff(tmp_path / "b.npz").read_bytes()
    for length in range(0, len(whole) - 1, len(whole) // 20):
        (tmp_path / "b.npz").write_bytes(whole[:length])
        with pytest.raises(PredictionError):
            read_predictions(tmp_path / "b.npz", IMAGE_SIZE)


class Attack:
    def __init__(self, function: Callable[..., Any], *arguments: Any) -> None:
        self.call = (function, arguments)

    def __reduce__(self) -> tuple[Any, ...]:
        return self.call


def test_nothing_in_a_pickle_is_run(tmp_path: Path) -> None:
    made = tmp_path / "made"
    frame = phalp_frame(0, phalp_person(0)) | {"extra_data": [Attack(Path.mkdir, made)]}
    with pytest.raises(PredictionError, match="which no file of numbers needs"):
        read_predictions(write_phalp(tmp_path / "a.pkl", frame), IMAGE_SIZE)
    assert not made.exists()


# --- whose they are, and where they are seen -----------------------------------------------------------------------


def predictions(*found: tuple[int, np.ndarray], seed: int = 0) -> Predictions:
    """Of frame and box each; the bodies differ."""
    count = len(found)
    return Predictions(
        frames=np.array([frame for frame, _ in found]),
        boxes=np.stack([box for _, box in found]),
        rotations=np.stack([matrices(seed + number) for number in range(count)]),
        betas=np.stack([betas(seed + number) for number in range(count)]),
        scale=np.full(count, PIXELS_PER_METRE),
        origin=np.tile(ORIGIN, (count, 1)),
    )


def whose(estimates: InitialEstimates) -> list[int | None]:
    """In each frame, the number of the prediction that was taken."""
    numbers: list[int | None] = []
    for pose6d, shape, predicted in zip(estimates.pose6d, estimates.betas, estimates.predicted, strict=True):
        if not predicted:
            assert torch.equal(pose6d, rotation6d.identity(24))
            assert not shape.any()
            numbers.append(None)
            continue
        number = next(n for n in range(10) if np.allclose(betas(n), shape, atol=1e-6))
        assert rotation6d.to_matrix(pose6d).numpy() == pytest.approx(matrices(number), abs=1e-5)
        numbers.append(number)
    return numbers


def test_a_person_gets_the_predictions_whose_boxes_overlap_theirs_most() -> None:
    aside, away = (BOX + np.array([right, 0, 0, 0]) for right in (20, 90))
    given = predictions((0, aside), (0, BOX + 1), (1, away), (3, BOX), (2, BOX), (4, aside))
    track = seen_track(np.arange(6) / 30, BOX, np.array([True, True, True, False, True, True]))
    estimates = initial_estimates(given, track)
    assert whose(estimates) == [1, None, 4, None, 5, None]
    unpredicted = estimates.camera[~estimates.predicted]
    assert torch.equal(unpredicted, torch.tensor([MEAN_CAMERA]).expand_as(unpredicted))


def test_frames_are_counted_from_where_the_track_counts() -> None:
    given = predictions((7, BOX), (8, BOX), (9, BOX))
    assert whose(initial_estimates(given, seen_track(np.arange(3) / 30, BOX), first_frame=8)) == [1, 2, None]


@settings(max_examples=50, deadline=None)
@given(
    point=st.tuples(st.floats(-1, 1), st.floats(-1, 1)),
    scale=st.floats(20, 500),
    origin=st.tuples(st.floats(0, 640), st.floats(0, 480)),
)
def test_the_camera_shows_the_body_in_our_crop_where_the_prediction_has_it(
    point: tuple[float, float], scale: float, origin: tuple[float, float]
) -> None:
    given = predictions((0, BOX))
    given.scale[:], given.origin[:] = scale, origin
    s, tx, ty = initial_estimates(given, seen_track(np.zeros(1), BOX)).camera[0].double().tolist()
    in_crop = np.array([s * (point[0] + tx), s * (point[1] + ty)])  # its sides at -1 and 1
    pixel = BOX[:2] + BOX[2:] / 2 + in_crop * 1.1 * BOX[3] / 2
    assert pixel == pytest.approx(np.array(origin) + scale * np.array(point), abs=1e-2)


def test_cliffs_camera_puts_the_body_where_cliff_has_it(tmp_path: Path) -> None:
    found = read_predictions(write_cliff(tmp_path / "a.npz"), IMAGE_SIZE)
    camera = initial_estimates(found, seen_track(np.arange(2) / 30, BOX)).camera
    square = torch.tensor([*(BOX[:2] + BOX[2:] / 2), 1.1 * BOX[3]]).float()
    K = torch.tensor([[800.0, 0, 320], [0, 800, 240], [0, 0, 1]])
    transl = crop_camera.full_translation(camera, square.expand(2, 3), K)
    assert transl.numpy() == pytest.approx(cliff_arrays()["global_t"][:2], abs=1e-4)


def test_predictions_reach_the_network_frame_by_frame() -> None:
    frames = 40
    given = predictions(*((frame, BOX) for frame in range(frames) if frame != 6))
    estimates = initial_estimates(given, seen_track(np.arange(frames) / 30, BOX))
    whole = random_features(frames)
    evidence = FrameFeatures(whole.global_features, whole.observed, whole.local_maps)
    pieces = list(with_estimates([evidence.frames(0, 7), evidence.frames(7, frames)], estimates))
    assert [len(piece) for piece in pieces] == [7, frames - 7]
    for name, expected in (
        ("initial_pose6d", estimates.pose6d),
        ("initial_betas", estimates.betas),
        ("initial_camera", estimates.camera),
        ("observed", estimates.predicted),
        ("global_features", evidence.global_features[0]),
    ):
        assert torch.equal(torch.cat([getattr(piece, name) for piece in pieces], 1)[0], expected), name

    network = TINY["stc-net"]()
    with torch.no_grad():
        answers = torch.cat([answer.pose6d for answer in stream(network, pieces)], 1)
        elsewhere = predictions(*((frame, BOX) for frame in range(frames)), seed=50)
        other = initial_estimates(elsewhere, seen_track(np.arange(frames) / 30, BOX))
        others = torch.cat([answer.pose6d for answer in stream(network, with_estimates([evidence], other))], 1)
    assert answers.shape == (1, frames, 24, 6)
    assert not torch.allclose(answers, others)
