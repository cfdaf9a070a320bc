"""Makes the golden landmarks with mediapipe itself, as it is published, in an environment of its own.

    python tests/backend/people/make_golden.py pictures FOLDER [CLIP.mp4 ...]      with this project's environment
    python tests/backend/people/make_golden.py landmarks FOLDER                    with mediapipe==0.10.21 installed

The first renders the pictures that lie in ``golden`` and writes them, with frames of the clips, to FOLDER; the second
writes ``golden/landmarks.json``.

The graph is run as it lies in the wheel. ``mediapipe.solutions.pose.Pose`` reads it through Python, which drops the
size of the heatmap kernel (7) unless the module of that option was imported before, and then refines with 9: up to 5
pixels off.
"""

from __future__ import annotations

import json
import sys
from fractions import Fraction
from pathlib import Path
from typing import Any

import cv2

GOLDEN = Path(__file__).parent / "golden"
#: Every so many frames of a clip.
CLIP_STEP = 60
SIDE_PACKETS = {
    "smooth_landmarks": False,
    "enable_segmentation": False,
    "smooth_segmentation": False,
    "use_prev_landmarks": False,
}


def write_pictures(folder: Path, clips: list[Path]) -> None:
    import numpy as np

    from backend.body import limber_body
    from backend.demo.__main__ import BETAS
    from backend.demo.choreography import perform
    from backend.demo.clip import demo_camera, render_clip
    from backend.footage import open_footage

    body = limber_body()
    performance = perform(body.rest_joints(BETAS), 30.0)
    clip = folder / "performance.mp4"
    render_clip(clip, body, BETAS, performance, demo_camera(), Fraction(30), lambda _fraction: None)
    frames = list(open_footage(clip).frames())
    for number, (index, turned, cut) in enumerate(((10, 0, 1.0), (40, 35, 1.0), (75, -100, 1.0), (100, 0, 0.8))):
        image = frames[index % len(frames)].image
        height, width = image.shape[:2]
        warp = cv2.getRotationMatrix2D((width / 2, height / 2), turned, 1.0)
        image = cv2.warpAffine(image, warp, (width, height), borderMode=cv2.BORDER_REPLICATE)[: int(cut * height)]
        scaled = cv2.resize(np.ascontiguousarray(image), None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
        cv2.imwrite(str(GOLDEN / f"body_{number}.png"), cv2.cvtColor(scaled, cv2.COLOR_RGB2BGR))
    for path in GOLDEN.glob("*.png"):
        (folder / path.name).write_bytes(path.read_bytes())
    for path in clips:
        for frame in open_footage(path).frames():
            if frame.index % CLIP_STEP == CLIP_STEP // 2:
                bgr = cv2.cvtColor(frame.image, cv2.COLOR_RGB2BGR)
                cv2.imwrite(str(folder / f"{path.name}@{frame.index}.png"), bgr)


def write_landmarks(folder: Path) -> None:
    import mediapipe
    from mediapipe.python import packet_creator, packet_getter
    from mediapipe.python._framework_bindings import calculator_graph, resource_util

    assert mediapipe.__version__ == "0.10.21"
    package = Path(mediapipe.__file__).parent
    resource_util.set_resource_dir(str(package.parent))
    graph_file = package / "modules/pose_landmark/pose_landmark_cpu.binarypb"
    graph = calculator_graph.CalculatorGraph(binary_graph_path=str(graph_file))
    outputs: dict[str, Any] = {}
    for stream in ("pose_landmarks", "pose_world_landmarks", "pose_detection"):
        graph.observe_output_stream(
            stream, lambda name, packet: outputs.__setitem__(name, packet_getter.get_proto(packet)), False
        )
    side_packets = {name: packet_creator.create_bool(value) for name, value in SIDE_PACKETS.items()}
    graph.start_run(side_packets | {"model_complexity": packet_creator.create_int(1)})
    golden = {}
    for index, path in enumerate(sorted(folder.glob("*.png")), start=1):
        image = cv2.cvtColor(cv2.imread(str(path)), cv2.COLOR_BGR2RGB)
        outputs.clear()
        packet = packet_creator.create_image_frame(image, image_format=mediapipe.ImageFormat.SRGB)
        graph.add_packet_to_input_stream("image", packet.at(index * 100_000))
        graph.wait_until_idle()
        golden[path.name] = _describe(outputs, image.shape[1], image.shape[0]) if "pose_landmarks" in outputs else None
    (GOLDEN / "landmarks.json").write_text(json.dumps(golden, separators=(",", ":")) + "\n")


def _describe(outputs: dict[str, Any], width: int, height: int) -> dict[str, Any]:
    """Pixels and metres, rounded far below what is compared; the keypoints are what the landmarks are found from."""
    detection = outputs["pose_detection"]
    keypoints = detection.location_data.relative_keypoints
    return {
        "score": round(detection.score[0], 5),
        "keypoints": [[round(point.x * width, 6), round(point.y * height, 6)] for point in keypoints],
        "landmarks": [
            [round(point.x * width, 3), round(point.y * height, 3), round(point.visibility, 5)]
            for point in outputs["pose_landmarks"].landmark
        ],
        "world": [
            [round(point.x, 5), round(point.y, 5), round(point.z, 5)]
            for point in outputs["pose_world_landmarks"].landmark
        ],
    }


if __name__ == "__main__":
    task, target = sys.argv[1], Path(sys.argv[2])
    target.mkdir(parents=True, exist_ok=True)
    if task == "pictures":
        write_pictures(target, [Path(name) for name in sys.argv[3:]])
    else:
        write_landmarks(target)
