"""Parts of the body. Needs no numpy, so that Blender can draw them before anything is captured."""

#: The parts of the body that can be treated apart, and the joints that each of them moves.
BODY_PARTS: dict[str, tuple[str, ...]] = {
    "root": ("pelvis",),
    "spine": ("spine1", "spine2", "spine3"),
    "head": ("neck", "head"),
    "arms": tuple(f"{side}_{joint}" for side in ("left", "right") for joint in ("collar", "shoulder", "elbow")),
    "hands": tuple(f"{side}_{joint}" for side in ("left", "right") for joint in ("wrist", "hand")),
    "legs": tuple(f"{side}_{joint}" for side in ("left", "right") for joint in ("hip", "knee", "ankle", "foot")),
}
