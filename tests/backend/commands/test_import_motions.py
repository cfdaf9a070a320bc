import json
import pickle
from pathlib import Path

import numpy as np
import pytest

from backend.cli import main
from smpl_rig.motion import Motion

FRAMES = 20


def test_writes_motion_files_and_reports(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    dance, out = tmp_path / "dance.pkl", tmp_path / "out"
    dance.write_bytes(pickle.dumps({"smpl_poses": np.zeros((FRAMES, 72)), "smpl_trans": np.zeros((FRAMES, 3))}))
    assert main(["import", str(dance), "-o", str(out), "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["written"] == [str(out / "person_0.npz")]
    assert report["people"] == [
        {"person": 0, "layout": "aist++", "frames": FRAMES, "frames_per_second": 60, "seconds": round(19 / 60, 3)}
    ]
    assert len(Motion.load(out / "person_0.npz")) == FRAMES


def test_an_earlier_import_is_lost_knowingly_only(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "out"
    for name, frames in (("long.pkl", FRAMES), ("short.pkl", FRAMES // 2)):
        moves = {"smpl_poses": np.zeros((frames, 72)), "smpl_trans": np.zeros((frames, 3))}
        (tmp_path / name).write_bytes(pickle.dumps(moves))
    assert main(["import", str(tmp_path / "long.pkl"), "-o", str(out)]) == 0
    assert main(["import", str(tmp_path / "short.pkl"), "-o", str(out)]) == 1
    assert "holds person_0.npz already" in capsys.readouterr().err
    assert len(Motion.load(out / "person_0.npz")) == FRAMES
    assert main(["import", str(tmp_path / "short.pkl"), "-o", str(out), "--overwrite"]) == 0
    assert len(Motion.load(out / "person_0.npz")) == FRAMES // 2


def test_says_what_is_wrong(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["import", str(tmp_path / "gone.bvh"), "-o", str(tmp_path / "out")]) == 1
    assert "gone.bvh does not exist" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
