"""A golden file whose places are worked out by hand, and files that are none."""

from pathlib import Path

import numpy as np
import pytest

from smpl_rig.bvh_reader import BvhError, parse_bvh, read_bvh

#: Second frame: the root is turned by 90 degrees about Z, the elbow by 90 about Y and then about its own X.
GOLDEN = """HIERARCHY
ROOT Hips
{
  OFFSET 0 10 0
  CHANNELS 6 Xposition Yposition Zposition Zrotation Xrotation Yrotation
  JOINT Left Elbow
  {
    OFFSET 1 0 0
    CHANNELS 3 Yrotation Xrotation Zrotation
    End Site
    {
      OFFSET 0 2 0
    }
  }
  JOINT Knee
  {
    OFFSET 0 -3 0
    CHANNELS 4 Zrotation Xposition Yposition Zposition
  }
}
MOTION
Frames: 2
Frame Time: 0.04
0 0 0 0 0 0   0 0 0   0 0 -3 0
5 6 7 90 0 0  90 90 0  0 0 -4 1
"""


def test_places_of_the_golden_file() -> None:
    motion = parse_bvh(GOLDEN)
    assert motion.names == ("Hips", "Left Elbow", "Left Elbow_end", "Knee")
    assert motion.parents == (-1, 0, 1, 0)
    assert motion.frame_rate == pytest.approx(25)
    _, positions = motion.forward_kinematics()
    np.testing.assert_allclose(positions[0], [[0, 0, 0], [1, 0, 0], [1, 2, 0], [0, -3, 0]], atol=1e-12)
    # the elbow's end: (0, 2, 0), about X to (0, 0, 2), about Y to (2, 0, 0), with the root's turn to (0, 2, 0)
    np.testing.assert_allclose(positions[1], [[5, 6, 7], [5, 7, 7], [5, 9, 7], [9, 6, 8]], atol=1e-12)
    np.testing.assert_allclose(motion.rest_positions()[0], [0, 10, 0])


def test_a_file_is_read_whatever_its_line_ends(tmp_path: Path) -> None:
    path = tmp_path / "golden.bvh"
    path.write_bytes(GOLDEN.replace("\n", "\r\n").encode())
    assert len(read_bvh(path)) == 2


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("HIERARCHY", "HIERARCHIE", "does not begin with 'HIERARCHY'"),
        ("MOTION", "", "no 'MOTION'"),
        ("Yposition Zposition Zrotation", "Yposition Zposition Wrotation", "'Wrotation' is no channel"),
        ("Frames: 2", "Frames: 3", "hold 26 numbers, expected 3 x 13"),
        ("Frame Time: 0.04", "Frame Time: 0", "'Frame Time:' is 0"),
        ("5 6 7", "5 six 7", "no number"),
        ("5 6 7", "5 nan 7", "'MOTION' holds values that are not finite"),
        ("OFFSET 1 0 0", "OFFSET 1 0", "'OFFSET' is followed by 'CHANNELS'"),
        ("JOINT Knee", "ROOT Knee", "more than one 'ROOT'"),
        ("End Site", "SITE End", "'SITE' was not expected"),
        ("  }\n}\n", "  }\n", "Joint 'Hips' is not closed"),
        ("Frames:", "Bilder:", "'MOTION' does not begin with"),
    ],
)
def test_what_is_wrong_is_named(old: str, new: str, said: str, tmp_path: Path) -> None:
    assert old in GOLDEN
    path = tmp_path / "wrong.bvh"
    path.write_text(GOLDEN.replace(old, new, 1))
    with pytest.raises(BvhError, match=f"wrong.bvh: .*{said}"):
        read_bvh(path)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(BvhError, match=r"nowhere\.bvh cannot be read"):
        read_bvh(tmp_path / "nowhere.bvh")
