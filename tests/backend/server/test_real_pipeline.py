"""The server with the pipeline that users get, on real footage."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from backend.footage import open_footage
from backend.people.model_files import ModelFileError
from backend.server import pipeline
from backend.server.models import CaptureRequest
from smpl_rig.motion import Motion

FOOTAGE = Path(__file__).resolve().parents[4] / "shared" / "footage" / "sports2d_demo.mp4"


def test_the_detector_that_is_asked_for_is_used(
    make_video: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is not installed where this looks for it."""
    monkeypatch.setenv("LIMBER_CACHE", str(tmp_path))
    with pytest.raises(ModelFileError, match="limber setup --heavy"):
        pipeline.run(make_video(), CaptureRequest(footage="0" * 32, detector="heavy"), tmp_path, lambda *_: None)


@pytest.mark.slow
@pytest.mark.skipif(not FOOTAGE.exists(), reason=f"{FOOTAGE.name} is not there")
def test_capture_of_real_footage(start_server: Any, tmp_path: Path) -> None:
    server = start_server(pipeline="backend.server.pipeline")
    footage = server.client.post("/v1/footage", json={"path": str(FOOTAGE)}).json()["id"]
    asked = {"footage": footage, "person": "all", "start_s": 1.0, "end_s": 1.7, "height_m": 1.85, "preview": True}
    capture = server.client.post("/v1/captures", json=asked).json()["id"]
    news = list(server.events(capture, timeout_s=300))
    assert news[-1]["state"] == "done", news[-1]["error"]
    assert {event["stage"] for event in news} >= {"people", "pose", "preview"}

    person = news[-1]["people"][0]
    path = tmp_path / "person.npz"
    path.write_bytes(server.client.get(f"/v1/captures/{capture}/motion/{person['person']}").content)
    motion = Motion.load(path)
    assert len(motion) == person["frames"]
    assert motion.footage[0] == FOOTAGE.name
    assert motion.timestamps_s[0] == pytest.approx(person["first_s"])
    thumbnail = server.client.get(f"/v1/captures/{capture}/thumbnail/{person['person']}").content
    picture = cv2.imdecode(np.frombuffer(thumbnail, dtype=np.uint8), cv2.IMREAD_COLOR)
    assert picture is not None
    assert picture.shape[0] == 256
    assert b"ftyp" in server.client.get(f"/v1/captures/{capture}/preview").content[:64]
    report = json.loads((server.data / "captures" / capture / "report.json").read_text())
    assert report["settings"]["start_s"] == 1.0
    assert report["heights_m"] == [1.85] * len(news[-1]["people"])

    # Images as a pattern and as a folder are footage too.
    shot = tmp_path / "shot"
    shot.mkdir()
    for frame in open_footage(FOOTAGE).frames(1.0, 1.3):
        cv2.imwrite(str(shot / f"{frame.index + 1:04d}.jpg"), cv2.cvtColor(frame.image, cv2.COLOR_RGB2BGR))
    for path in (shot / "%04d.jpg", shot):
        images = server.client.post("/v1/footage", json={"path": str(path)}).json()["id"]
        capture = server.client.post("/v1/captures", json={"footage": images}).json()["id"]
        done = server.wait_for(capture, "done", "failed", timeout_s=60)
        assert done["people"][0]["frames"] == len(list(shot.iterdir())), done["error"]
        assert server.client.get(f"/v1/captures/{capture}/thumbnail/{done['people'][0]['person']}").status_code == 200

    # Users' mistakes come through in their own words.
    wrong = server.client.post("/v1/captures", json={"footage": footage, "network": "no-such-network"}).json()["id"]
    assert "no-such-network" in server.wait_for(wrong, "failed")["error"]["message"]

    # Cancelling is as quick in the midst of real work.
    running = server.client.post("/v1/captures", json={"footage": footage}).json()["id"]
    server.wait_for_stage(running)
    assert server.client.delete(f"/v1/captures/{running}").elapsed.total_seconds() < 1
