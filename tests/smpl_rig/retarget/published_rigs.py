"""Rigs of programs that cannot be run here, after what is published of their bones: names, hierarchy, where joints lie.

Each line is a bone, indented below its parent, and where it begins: at a joint of SMPL's, or between two of them. Lines
with ``@`` stand for both sides.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from smpl_rig import rotations
from smpl_rig.axes import WORLD_FROM_BODY
from smpl_rig.retarget.rig import Rig
from smpl_rig.skeleton import INDEX

FINGERS = ("thumb", "index", "middle", "ring", "pinky")


@dataclass(frozen=True)
class PublishedRig:
    """A program's skeleton.

    Attributes:
        title: of the map that is to be found for it.
        tree: its bones.
        sides: what ``@`` stands for, left and right.
        arms_down: radians by which arms hang at rest.
    """

    title: str
    tree: str
    sides: tuple[str, str]
    arms_down: float = 0.0

    def bones(self) -> list[tuple[str, int, str]]:
        """Name, number of the parent, and place of each bone, parents first."""
        lines = [line for line in self.tree.splitlines() if line.strip()]
        made: list[tuple[str, int, str]] = []
        above: dict[tuple[int, str], int] = {}  # by depth and side
        for line in self._by_side(lines):
            depth = (len(line[0]) - len(line[0].lstrip())) // 2
            name, _, place = line[0].strip().partition(" ")
            parent = above.get((depth - 1, line[1]), above.get((depth - 1, ""), -1))
            above = {key: bone for key, bone in above.items() if key[0] < depth or (line[1] and key[1] != line[1])}
            above[depth, line[1]] = len(made)
            made.append((name, parent, place.strip()))
        return made

    def _by_side(self, lines: list[str]) -> list[tuple[str, str]]:
        both = []
        for line in lines:
            name, _, place = line.strip().partition(" ")
            indent = line[: len(line) - len(line.lstrip())]
            if "@" not in name:
                both.append((line, ""))
                continue
            for side, own in zip(("left", "right"), self.sides, strict=True):
                both.append((f"{indent}{name.replace('@', own)} {place.replace('@', side)}", side))
        return both

    def build(self, rest_joints: np.ndarray) -> tuple[Rig, dict[str, str]]:
        """The rig on a body (24, 3), standing in the world; by SMPL's joints, the bone that begins there."""
        at = _places(rest_joints, self.arms_down)
        bones = self.bones()
        heads = np.array([_place(at, place) for _, _, place in bones])
        heads[:, 1] -= at["left_foot"][1] - 0.025  # the soles lie under the balls of the feet
        heads = np.where([[place == "ground"] for _, _, place in bones], 0, heads @ WORLD_FROM_BODY.T)
        rest = rotations.normalize(np.random.default_rng(5).normal(size=(len(bones), 4)))
        tails = heads + rotations.rotate(rest, np.array([0, 0.05, 0]))
        rig = Rig(tuple(name for name, _, _ in bones), tuple(parent for _, parent, _ in bones), heads, tails, rest)
        joints: dict[str, str] = {}
        for name, _, place in bones:
            if place in INDEX:
                joints.setdefault(place, name)
        return rig, joints


def _places(rest_joints: np.ndarray, arms_down: float) -> dict[str, np.ndarray]:
    at = {joint: rest_joints[index] - rest_joints[0] for joint, index in INDEX.items()}
    at["crown"] = at["head"] + [0, 0.18, 0.02]
    for side, sign in (("left", 1), ("right", -1)):
        at[f"{side}_toes"] = at[f"{side}_foot"] + [0, -0.02, 0.06]
        knuckles = at[f"{side}_hand"] + np.linspace(0.03, -0.03, 4)[:, None] * [0, 0, 1]
        for finger, knuckle in zip(FINGERS, (at[f"{side}_wrist"] + [0.02 * sign, -0.01, 0.03], *knuckles), strict=True):
            for number in range(4):
                at[f"{side}_{finger}{number + 1}"] = knuckle + 0.025 * number * np.array([sign, 0, 0])
        hang = rotations.exp(np.array([0, 0, -sign * arms_down]))
        shoulder = at[f"{side}_shoulder"].copy()
        for name in [name for name in at if name.startswith(side) and name[len(side) + 1 :].startswith(_ARM)]:
            at[name] = shoulder + rotations.rotate(hang, at[name] - shoulder)
    return at


_ARM = ("elbow", "wrist", "hand", *FINGERS)


def _place(at: dict[str, np.ndarray], text: str) -> np.ndarray:
    words = text.split()
    if words == ["ground"]:
        return np.zeros(3)
    if len(words) == 1:
        return at[words[0]]
    start, end, part = at[words[0]], at[words[1]], float(words[2])
    return start + part * (end - start)


def _fingers(indent: int, names: str, count: int = 3, kinds: tuple[str, ...] = FINGERS) -> str:
    """Chains of fingers; ``names`` with ``{finger}`` and ``{number}``."""
    lines = []
    for finger, kind in zip(FINGERS, kinds, strict=True):
        for number in range(1, count + 1):
            name = names.format(finger=kind, number=number)
            lines.append(f"{'  ' * (indent + number - 1)}{name} @_{finger}{number}")
    return "\n".join(lines)


def _biped_fingers(indent: int) -> str:
    lines = []
    for number, finger in enumerate(FINGERS):
        for joint, end in enumerate(("", "1", "2")):
            lines.append(f"{'  ' * (indent + joint)}Bip01_@_Finger{number}{end} @_{finger}{joint + 1}")
    return "\n".join(lines)


_DAZ_FINGERS = ("Thumb", "Index", "Mid", "Ring", "Pinky")

DAZ_8 = PublishedRig(
    "Daz Genesis 1 to 8",
    f"""
hip pelvis
  pelvis pelvis
    @ThighBend @_hip
      @ThighTwist @_hip @_knee 0.5
        @Shin @_knee
          @Foot @_ankle
            @Metatarsals @_ankle @_foot 0.5
              @Toe @_foot
                @BigToe @_toes
  abdomenLower spine1
    abdomenUpper spine1 spine2 0.5
      chestLower spine2
        chestUpper spine3
          @Collar @_collar
            @ShldrBend @_shoulder
              @ShldrTwist @_shoulder @_elbow 0.5
                @ForearmBend @_elbow
                  @ForearmTwist @_elbow @_wrist 0.5
                    @Hand @_wrist
{_fingers(11, "@{finger}{number}", kinds=_DAZ_FINGERS)}
          neckLower neck
            neckUpper neck head 0.5
              head head
                upperTeeth head crown 0.3
                lEye head crown 0.5
                rEye head crown 0.5
          lPectoral spine3
          rPectoral spine3
""",
    ("l", "r"),
    arms_down=0.75,
)

DAZ_9 = PublishedRig(
    "Daz Genesis 9",
    f"""
Genesis9 ground
  hip pelvis
    pelvis pelvis
      @_thigh @_hip
        @_thightwist1 @_hip @_knee 0.33
        @_thightwist2 @_hip @_knee 0.66
        @_shin @_knee
          @_foot @_ankle
            @_metatarsal @_ankle @_foot 0.5
              @_toes @_foot
                @_bigtoe1 @_toes
    spine1 spine1
      spine2 spine2
        spine3 spine3
          spine4 spine3 neck 0.5
            @_shoulder @_collar
              @_upperarm @_shoulder
                @_upperarmtwist1 @_shoulder @_elbow 0.33
                @_upperarmtwist2 @_shoulder @_elbow 0.66
                @_forearm @_elbow
                  @_forearmtwist1 @_elbow @_wrist 0.33
                  @_forearmtwist2 @_elbow @_wrist 0.66
                  @_hand @_wrist
{_fingers(10, "@_{finger}{number}", kinds=tuple(name.lower() for name in _DAZ_FINGERS))}
            neck1 neck
              neck2 neck head 0.5
                head head
                  l_eye head crown 0.5
                  r_eye head crown 0.5
            l_pectoral spine3
            r_pectoral spine3
""",
    ("l", "r"),
    arms_down=0.75,
)

CHARACTER_CREATOR = PublishedRig(
    "Character Creator",
    f"""
CC_Base_BoneRoot ground
  CC_Base_Hip pelvis
    CC_Base_Pelvis pelvis
      CC_Base_@_Thigh @_hip
        CC_Base_@_ThighTwist01 @_hip @_knee 0.1
          CC_Base_@_ThighTwist02 @_hip @_knee 0.5
        CC_Base_@_KneeShareBone @_knee @_ankle 0.02
        CC_Base_@_Calf @_knee
          CC_Base_@_CalfTwist01 @_knee @_ankle 0.1
            CC_Base_@_CalfTwist02 @_knee @_ankle 0.5
          CC_Base_@_Foot @_ankle
            CC_Base_@_ToeBaseShareBone @_ankle @_foot 0.98
            CC_Base_@_ToeBase @_foot
              CC_Base_@_BigToe1 @_toes
    CC_Base_Waist spine1
      CC_Base_Spine01 spine2
        CC_Base_Spine02 spine3
          CC_Base_@_Clavicle @_collar
            CC_Base_@_Upperarm @_shoulder
              CC_Base_@_UpperarmTwist01 @_shoulder @_elbow 0.1
                CC_Base_@_UpperarmTwist02 @_shoulder @_elbow 0.5
              CC_Base_@_Forearm @_elbow
                CC_Base_@_ElbowShareBone @_elbow @_wrist 0.02
                CC_Base_@_ForearmTwist01 @_elbow @_wrist 0.1
                  CC_Base_@_ForearmTwist02 @_elbow @_wrist 0.5
                CC_Base_@_Hand @_wrist
{_fingers(9, "CC_Base_@_{finger}{number}", kinds=_DAZ_FINGERS)}
          CC_Base_NeckTwist01 neck
            CC_Base_NeckTwist02 neck head 0.5
              CC_Base_Head head
                CC_Base_FacialBone head crown 0.1
                  CC_Base_JawRoot head crown 0.2
          CC_Base_L_RibsTwist spine3
          CC_Base_R_RibsTwist spine3
""",
    ("L", "R"),
    arms_down=0.6,
)

AUTO_RIG_PRO = PublishedRig(
    "Auto-Rig Pro export",
    f"""
c_traj ground
  root.x pelvis
    thigh_twist.@ @_hip
      thigh_stretch.@ @_hip @_knee 0.5
        leg_stretch.@ @_knee
          leg_twist.@ @_knee @_ankle 0.5
            foot.@ @_ankle
              toes_01.@ @_foot
    spine_01.x spine1
      spine_02.x spine3
        shoulder.@ @_collar
          c_arm_twist_offset.@ @_shoulder
            arm_stretch.@ @_shoulder @_elbow 0.5
              forearm_stretch.@ @_elbow
                forearm_twist.@ @_elbow @_wrist 0.5
                  hand.@ @_wrist
{_fingers(10, "c_{finger}{number}.@")}
        neck.x neck
          head.x head
""",
    ("l", "r"),
    arms_down=0.7,
)

UNREAL_5 = PublishedRig(
    "Unreal mannequin",
    f"""
root ground
  pelvis pelvis
    spine_01 spine1
      spine_02 spine1 spine2 0.5
        spine_03 spine2
          spine_04 spine3
            spine_05 spine3 neck 0.3
              neck_01 neck
                neck_02 neck head 0.5
                  head head
              clavicle_@ @_collar
                upperarm_@ @_shoulder
                  upperarm_twist_01_@ @_shoulder @_elbow 0.33
                  upperarm_twist_02_@ @_shoulder @_elbow 0.66
                  upperarm_correctiveRoot_@ @_shoulder
                  lowerarm_@ @_elbow
                    lowerarm_twist_02_@ @_elbow @_wrist 0.33
                    lowerarm_twist_01_@ @_elbow @_wrist 0.66
                    lowerarm_correctiveRoot_@ @_elbow
                    hand_@ @_wrist
                      index_metacarpal_@ @_wrist @_hand 0.2
                      middle_metacarpal_@ @_wrist @_hand 0.2
{_fingers(11, "{finger}_0{number}_@")}
    thigh_@ @_hip
      thigh_twist_01_@ @_hip @_knee 0.33
      thigh_twist_02_@ @_hip @_knee 0.66
      thigh_correctiveRoot_@ @_hip
      calf_@ @_knee
        calf_twist_02_@ @_knee @_ankle 0.33
        calf_twist_01_@ @_knee @_ankle 0.66
        foot_@ @_ankle
          ball_@ @_foot
  ik_foot_root ground
    ik_foot_@ @_ankle
  ik_hand_root ground
    ik_hand_gun right_wrist
      ik_hand_@ @_wrist
  interaction ground
  center_of_mass ground
""",
    ("l", "r"),
    arms_down=0.8,
)

VROID = PublishedRig(
    "VRoid",
    f"""
Root ground
  J_Bip_C_Hips pelvis
    J_Bip_C_Spine spine1
      J_Bip_C_Chest spine2
        J_Bip_C_UpperChest spine3
          J_Bip_C_Neck neck
            J_Bip_C_Head head
              J_Adj_L_FaceEye head crown 0.5
              J_Sec_Hair1_01 crown
                J_Sec_Hair2_01 neck head 0.2
          J_Bip_@_Shoulder @_collar
            J_Bip_@_UpperArm @_shoulder
              J_Bip_@_LowerArm @_elbow
                J_Bip_@_Hand @_wrist
{_fingers(9, "J_Bip_@_{finger}{number}", kinds=("Thumb", "Index", "Middle", "Ring", "Little"))}
          J_Sec_L_Bust1 spine3
    J_Bip_@_UpperLeg @_hip
      J_Sec_@_SkirtBack0_01 @_hip @_knee 0.1
        J_Sec_@_SkirtBack1_01 @_hip @_knee 0.7
      J_Bip_@_LowerLeg @_knee
        J_Bip_@_Foot @_ankle
          J_Bip_@_ToeBase @_foot
""",
    ("L", "R"),
)

ROKOKO = PublishedRig(
    "Rokoko",
    """
Root ground
  Hips pelvis
    Spine1 spine1
      Spine2 spine2
        Spine3 spine3
          Spine4 spine3 neck 0.5
            @Shoulder @_collar
              @Arm @_shoulder
                @ForeArm @_elbow
                  @Hand @_wrist
                    @Finger1Metacarpal @_thumb1
                      @Finger1Proximal @_thumb2
                        @Finger1Distal @_thumb3
                          @Finger1Tip @_thumb4
                    @Finger2Metacarpal @_wrist @_index1 0.3
                      @Finger2Proximal @_index1
                        @Finger2Medial @_index2
                          @Finger2Distal @_index3
                    @Finger3Metacarpal @_wrist @_middle1 0.3
                      @Finger3Proximal @_middle1
                        @Finger3Medial @_middle2
                          @Finger3Distal @_middle3
            Neck neck
              Head head
                HeadVertex crown
    @Thigh @_hip
      @Shin @_knee
        @Foot @_ankle
          @Toe @_foot
            @ToeTip @_toes
""",
    ("Left", "Right"),
)

ROKOKO_LIVE = PublishedRig(
    "Rokoko Live",
    """
hip pelvis
  @UpLeg @_hip
    @Leg @_knee
      @Foot @_ankle
        @Toe @_foot
  spine spine1
    chest spine3
      @Shoulder @_collar
        @UpperArm @_shoulder
          @LowerArm @_elbow
            @Hand @_wrist
              @IndexProximal @_index1
                @IndexMedial @_index2
                  @IndexDistal @_index3
              @MiddleProximal @_middle1
                @MiddleMedial @_middle2
                  @MiddleDistal @_middle3
              @ThumbProximal @_thumb1
                @ThumbMedial @_thumb2
                  @ThumbDistal @_thumb3
      neck neck
        head head
""",
    ("left", "right"),
)

XSENS = PublishedRig(
    "Xsens",
    """
Pelvis pelvis
  L5 spine1
    L3 spine1 spine2 0.5
      T12 spine2
        T8 spine3
          Neck neck
            Head head
          @Shoulder @_collar
            @UpperArm @_shoulder
              @ForeArm @_elbow
                @Hand @_wrist
  @UpperLeg @_hip
    @LowerLeg @_knee
      @Foot @_ankle
        @Toe @_foot
""",
    ("Left", "Right"),
)

XSENS_BVH = PublishedRig(
    "Xsens BVH",
    """
Hips pelvis
  Chest spine1
    Chest2 spine1 spine2 0.5
      Chest3 spine2
        Chest4 spine3
          Neck neck
            Head head
          @Collar @_collar
            @Shoulder @_shoulder
              @Elbow @_elbow
                @Wrist @_wrist
  @Hip @_hip
    @Knee @_knee
      @Ankle @_ankle
        @Toe @_foot
""",
    ("Left", "Right"),
)

BIPED = PublishedRig(
    "3ds Max Biped",
    f"""
Bip01 pelvis
  Bip01_Footsteps ground
  Bip01_Pelvis pelvis
    Bip01_Spine spine1 pelvis 0.5
      Bip01_@_Thigh @_hip
        Bip01_@_Calf @_knee
          Bip01_@_Foot @_ankle
            Bip01_@_Toe0 @_foot
              Bip01_@_Toe0Nub @_toes
      Bip01_Spine1 spine2
        Bip01_Spine2 spine3
          Bip01_Neck neck
            Bip01_Head head
              Bip01_HeadNub crown
            Bip01_@_Clavicle @_collar
              Bip01_@_UpperArm @_shoulder
                Bip01_@UpArmTwist @_shoulder @_elbow 0.4
                Bip01_@_Forearm @_elbow
                  Bip01_@_ForeTwist @_elbow @_wrist 0.4
                  Bip01_@_Hand @_wrist
{_biped_fingers(10)}
""",
    ("L", "R"),
)

MAKEHUMAN = PublishedRig(
    "MakeHuman default",
    """
root pelvis
  pelvis.@ pelvis @_hip 0.5
    upperleg01.@ @_hip
      upperleg02.@ @_hip @_knee 0.5
        lowerleg01.@ @_knee
          lowerleg02.@ @_knee @_ankle 0.5
            foot.@ @_ankle
              toe2-1.@ @_foot
  spine05 spine1
    spine04 spine1 spine2 0.5
      spine03 spine2
        spine02 spine3
          spine01 spine3 neck 0.4
            clavicle.@ @_collar
              shoulder01.@ @_collar @_shoulder 0.6
                upperarm01.@ @_shoulder
                  upperarm02.@ @_shoulder @_elbow 0.5
                    lowerarm01.@ @_elbow
                      lowerarm02.@ @_elbow @_wrist 0.5
                        wrist.@ @_wrist
                          metacarpal1.@ @_wrist @_index1 0.3
                            finger2-1.@ @_index1
                              finger2-2.@ @_index2
                          metacarpal2.@ @_wrist @_middle1 0.3
                            finger3-1.@ @_middle1
                              finger3-2.@ @_middle2
                          finger1-1.@ @_thumb1
                            finger1-2.@ @_thumb2
            neck01 neck
              neck02 neck head 0.4
                neck03 neck head 0.7
                  head head
                    jaw head crown 0.2
                    eye.L head crown 0.5
                    eye.R head crown 0.5
          breast.L spine3
          breast.R spine3
""",
    ("L", "R"),
    arms_down=0.7,
)

UNREAL_4 = PublishedRig(
    "Unreal mannequin",
    f"""
root ground
  pelvis pelvis
    spine_01 spine1
      spine_02 spine2
        spine_03 spine3
          clavicle_@ @_collar
            upperarm_@ @_shoulder
              upperarm_twist_01_@ @_shoulder @_elbow 0.1
              lowerarm_@ @_elbow
                lowerarm_twist_01_@ @_elbow @_wrist 0.6
                hand_@ @_wrist
{_fingers(9, "{finger}_0{number}_@")}
          neck_01 neck
            head head
    thigh_@ @_hip
      thigh_twist_01_@ @_hip @_knee 0.4
      calf_@ @_knee
        calf_twist_01_@ @_knee @_ankle 0.4
        foot_@ @_ankle
          ball_@ @_foot
  ik_foot_root ground
    ik_foot_@ @_ankle
  ik_hand_root ground
    ik_hand_gun right_wrist
      ik_hand_@ @_wrist
""",
    ("l", "r"),
    arms_down=0.8,
)

VRM = PublishedRig(
    "VRM humanoid",
    """
Hips pelvis
  Spine spine1
    Chest spine2
      UpperChest spine3
        Neck neck
          Head head
            LeftEye head crown 0.5
            RightEye head crown 0.5
        @Shoulder @_collar
          @UpperArm @_shoulder
            @LowerArm @_elbow
              @Hand @_wrist
                @ThumbProximal @_thumb1
                  @ThumbIntermediate @_thumb2
                    @ThumbDistal @_thumb3
                @MiddleProximal @_middle1
                  @MiddleIntermediate @_middle2
                    @MiddleDistal @_middle3
  @UpperLeg @_hip
    @LowerLeg @_knee
      @Foot @_ankle
        @Toes @_foot
""",
    ("Left", "Right"),
)

SMPL_X = PublishedRig(
    "SMPL",
    """
root ground
  pelvis pelvis
    @_hip @_hip
      @_knee @_knee
        @_ankle @_ankle
          @_foot @_foot
    spine1 spine1
      spine2 spine2
        spine3 spine3
          neck neck
            head head
              jaw head crown 0.2
              left_eye_smplhf head crown 0.5
              right_eye_smplhf head crown 0.5
          @_collar @_collar
            @_shoulder @_shoulder
              @_elbow @_elbow
                @_wrist @_wrist
                  @_thumb1 @_thumb1
                    @_thumb2 @_thumb2
                      @_thumb3 @_thumb3
                  @_middle1 @_middle1
                    @_middle2 @_middle2
                      @_middle3 @_middle3
""",
    ("left", "right"),
)

PUBLISHED = {
    "Daz Genesis 8": DAZ_8,
    "Daz Genesis 9": DAZ_9,
    "Character Creator": CHARACTER_CREATOR,
    "Auto-Rig Pro": AUTO_RIG_PRO,
    "Unreal 5": UNREAL_5,
    "VRoid": VROID,
    "Rokoko": ROKOKO,
    "Rokoko Live": ROKOKO_LIVE,
    "Xsens": XSENS,
    "Xsens BVH": XSENS_BVH,
    "3ds Max Biped": BIPED,
    "MakeHuman": MAKEHUMAN,
    "Unreal 4": UNREAL_4,
    "VRM": VRM,
    "SMPL-X": SMPL_X,
}
