"""A golden pair whose places are worked out by hand, files that are none, and a real pair beside its BVH."""

from pathlib import Path

import numpy as np
import pytest

from smpl_rig.asf_amc_reader import AsfAmcError, read_asf_amc, skeleton_beside
from smpl_rig.bvh_reader import read_bvh

REAL = Path(__file__).resolve().parents[3] / "shared" / "bvh"

ASF = """# a comment
:version 1.10
:name GOLDEN
:units
  mass 1.0
  length 0.45
  angle deg
:documentation
   two bones in a row, and one that never turns
:root
   order TX TY TZ RX RY RZ
   axis XYZ
   position 0 0 0
   orientation 0 0 0
:bonedata
  begin
     id 1
     name femur
     direction 0 -2 0
     length 4
     axis 0 0 90 XYZ
     dof rx rz
     limits (-160.0 20.0)
            (-70.0 70.0)
  end
  begin
     id 2
     name tibia
     direction 0 -1 0
     length 3
     axis 0 0 0 XYZ
     dof ry
  end
  begin
     id 3
     name hipjoint
     direction 1 0 0
     length 2
     axis 0 0 0 XYZ
  end
:hierarchy
  begin
    root hipjoint
    femur tibia
    hipjoint femur
  end
"""
#: Second frame: the root turned by 90 degrees about X, then about Y; the femur by 90 about its own x, the world's y.
#: Third: the femur by 90 about its own z, which is the world's.
AMC = """#!OML:ASF
:FULLY-SPECIFIED
:DEGREES
1
root 0 0 0 0 0 0
femur 0 0
tibia 0
2
root 5 6 7 90 90 0
femur 0 0
tibia 0
3
root 0 0 0 0 0 0
femur 90 90
tibia 0
"""


def write(folder: Path, asf: str = ASF, amc: str = AMC) -> tuple[Path, Path]:
    (folder / "07.asf").write_text(asf)
    (folder / "07_01.amc").write_text(amc)
    return folder / "07.asf", folder / "07_01.amc"


def test_places_of_the_golden_pair(tmp_path: Path) -> None:
    motion = read_asf_amc(*write(tmp_path), 120)
    assert motion.names == ("root", "hipjoint", "femur", "tibia", "tibia_end")
    assert (motion.frame_rate, len(motion)) == (120, 3)
    _, places = motion.forward_kinematics()
    np.testing.assert_allclose(places[0], [[0, 0, 0], [0, 0, 0], [2, 0, 0], [2, -4, 0], [2, -7, 0]], atol=1e-12)
    # about X: x stays, -y becomes -z; about Y: x becomes -z, -z becomes -x
    hip = np.array([5, 6, 7 - 2])
    np.testing.assert_allclose(places[1], [[5, 6, 7], [5, 6, 7], hip, hip - [4, 0, 0], hip - [7, 0, 0]], atol=1e-12)
    # about its own x, which is the world's y, -y stays; about z it becomes x
    np.testing.assert_allclose(places[2], [[0, 0, 0], [0, 0, 0], [2, 0, 0], [6, 0, 0], [9, 0, 0]], atol=1e-12)


def test_radians_are_read(tmp_path: Path) -> None:
    quarter = f"{np.pi / 2:.9f}"
    asf = ASF.replace("angle deg", "angle rad").replace("axis 0 0 90 XYZ", f"axis 0 0 {quarter} XYZ")
    amc = AMC.replace(":DEGREES", ":RADIANS").replace("90", quarter)
    (tmp_path / "radians").mkdir()
    _, expected = read_asf_amc(*write(tmp_path), 120).forward_kinematics()
    _, found = read_asf_amc(*write(tmp_path / "radians", asf, amc), 120).forward_kinematics()
    np.testing.assert_allclose(found, expected, atol=1e-6)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (":bonedata", ":bones", "no ':bonedata'"),
        ("angle deg", "angle turns", "'angle turns', expected deg or rad"),
        ("hipjoint femur", "pelvis femur", "hangs 'femur' on 'pelvis', which hangs on nothing"),
        ("root hipjoint", "root hipjoint patella", "names 'patella', which ':bonedata' has not"),
        ("length 4", "length four", "Bone 'femur' has 'length four', expected numbers"),
        ("direction 0 -2 0", "direction 0 0 0", "Bone 'femur' has no 'length', or a 'direction' of zero"),
        ("direction 0 -2 0", "direction 0 -2", "Bone 'femur' has 'direction' with 2 numbers"),
        ("axis 0 0 90 XYZ", "axis 0 0 90 XYX", "axes 'XYX', expected an order of X, Y and Z"),
        ("dof rx rz", "dof rx l", "Bone 'femur' has the channel 'l'"),
        ("orientation 0 0 0", "", "'orientation' with 0 numbers"),
    ],
)
def test_what_is_wrong_in_a_skeleton_is_named(old: str, new: str, said: str, tmp_path: Path) -> None:
    assert old in ASF
    with pytest.raises(AsfAmcError, match=rf"07\.asf: .*{said}"):
        read_asf_amc(*write(tmp_path, asf=ASF.replace(old, new, 1)), 120)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("femur 90 90", "femur 90", "Frame 3 has 1 values for 'femur', expected 2"),
        ("femur 90 90", "patella 90 90", "Frame 3 moves 'patella', which the skeleton has not"),
        ("femur 90 90\n", "", "Bone 'femur' has values in 2 of 3 frames"),
        ("femur 90 90", "femur 90 nought", "no number"),
        (AMC, ":DEGREES\n", "There are no frames"),
    ],
)
def test_what_is_wrong_in_a_motion_is_named(old: str, new: str, said: str, tmp_path: Path) -> None:
    assert old in AMC
    with pytest.raises(AsfAmcError, match=rf"07_01\.amc: .*{said}"):
        read_asf_amc(*write(tmp_path, amc=AMC.replace(old, new, 1)), 120)


def test_the_skeleton_is_found_beside_its_motion(tmp_path: Path) -> None:
    skeleton, motion = write(tmp_path)
    (tmp_path / "08.asf").touch()
    assert skeleton_beside(motion) == skeleton
    motion.with_suffix(".asf").touch()
    assert skeleton_beside(motion) == motion.with_suffix(".asf")
    with pytest.raises(AsfAmcError, match=r"no 09\.asf beside it"):
        skeleton_beside(tmp_path / "09_02.amc")


@pytest.mark.skipif(not (REAL / "01_01.amc").is_file(), reason="shared/bvh/01_01.amc is not here")
def test_a_real_pair_moves_as_its_bvh_does() -> None:
    """Another program made the BVH of the same take. It begins with a T-pose and leaves the chest without length."""
    motion = read_asf_amc(REAL / "01.asf", REAL / "01_01.amc", 120)
    other = read_bvh(REAL / "01_01.bvh").frames(slice(1, None))
    assert len(motion) == len(other)
    places = dict(zip(motion.names, np.moveaxis(motion.forward_kinematics()[1], 1, 0), strict=True))
    others = dict(zip(other.names, np.moveaxis(other.forward_kinematics()[1], 1, 0), strict=True))
    trunk_and_legs = {"root": "Hips", "ltibia": "LeftLeg", "rtoes": "RightToeBase", "thorax": "Spine1"}
    for name, theirs in trunk_and_legs.items():
        np.testing.assert_allclose(places[name], others[theirs], atol=1e-3)
    above_chest = {"head": "Head", "lhumerus": "LeftArm", "lradius": "LeftForeArm", "rwrist": "RightHand"}
    for name, theirs in above_chest.items():
        np.testing.assert_allclose(places[name] - places["lowerneck"], others[theirs] - others["Neck"], atol=1e-3)
