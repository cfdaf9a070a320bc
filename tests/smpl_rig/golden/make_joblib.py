"""Writes the files of joblib beside this one. Needs joblib (1.6.0 wrote them, with numpy 1.26)."""

from pathlib import Path

import joblib
import numpy as np

HERE = Path(__file__).parent
CONTENT = {
    "frame_000001.jpg": {
        "time": 3,
        "conf": [np.float32(0.75)],
        "size": [[720, 1280]],
        "mask": [{"size": [720, 1280], "counts": b"PQl50"}],
        "rows": [np.arange(6, dtype=np.float32).reshape(2, 3)],
        "columns": np.asfortranarray(np.arange(24, dtype=np.int16).reshape(2, 3, 4)),
        "scalar": np.array(2.5),
        "nothing": np.zeros((0, 4)),
    }
}

if __name__ == "__main__":
    joblib.dump(CONTENT, HERE / "joblib_plain.pkl")
    joblib.dump(CONTENT, HERE / "joblib_zlib.pkl", compress=3)
    joblib.dump({"names": np.array(["a", None], dtype=object)}, HERE / "joblib_objects.pkl")
