"""What the scene and each take remember: capture options, and the smoothness of the keys."""
# mypy: disable-error-code="valid-type"

import math
from pathlib import Path
from typing import Any

import bpy
from bpy.props import BoolProperty, EnumProperty, FloatProperty, IntProperty, PointerProperty, StringProperty

from . import session
from .client import BackendError, CaptureOptions
from .smpl_rig.body_parts import BODY_PARTS
from .smpl_rig.known_height import SHORTEST_M, TALLEST_M
from .smpl_rig.smoothness import DEFAULT_SMOOTHNESS

_AUTO = ("auto", "Automatic", "The best network that the backend has")

#: Blender does not keep the strings of a dynamic enum alive.
_network_items: list[tuple[str, str, str]] = [_AUTO]


def _networks(settings: Any, _context: Any) -> list[tuple[str, str, str]]:
    """Automatic, what the backend offers, and what the scene has chosen, whether or not a backend is there."""
    health = session.current().watch.sight.health
    ready = [network for network in health.networks if network.ready] if health else []
    items = [_AUTO, *((network.name, network.name, network.title) for network in ready)]
    if settings.network_name not in {name for name, *_ in items}:
        items.append((settings.network_name, settings.network_name, "The backend does not offer this network now"))
    _network_items[:] = items
    return _network_items


def _get_network(settings: Any) -> int:
    names = [name for name, *_ in _networks(settings, None)]
    return names.index(settings.network_name)


def _set_network(settings: Any, number: int) -> None:
    settings.network_name = _networks(settings, None)[number][0]


class LIMBER_PG_scene(bpy.types.PropertyGroup):  # type: ignore[misc]  # noqa: N801
    """How the next footage is captured: ``scene.limber``."""

    footage: StringProperty(
        name="Footage",
        description="A video file, a folder of images, or a pattern such as shot_%04d.png",
        subtype="FILE_PATH",
    )
    network_name: StringProperty(default="auto", options={"HIDDEN"})
    network: EnumProperty(
        name="Network",
        description="Which network turns what is seen into motion",
        items=_networks,
        get=_get_network,
        set=_set_network,
    )
    detector: EnumProperty(
        name="Detector",
        description="What looks for the people's joints in the picture",
        items=(  # in brackets as the backend's messages name them
            ("auto", "Best Installed", "Accurate, where set-up could bring it; else Fast", 2),
            ("full", "Fast (full)", "Takes less time than the other, and errs more", 0),
            ("heavy", "Accurate (heavy)", "Errs less, takes half as long again; 'limber setup --heavy' brings it", 1),
        ),
        default="auto",
    )
    people: EnumProperty(
        name="People",
        description="Who is captured",
        items=(
            ("largest", "Largest", "The person who fills most of the picture"),
            ("all", "Everybody", "Each person, as an armature of their own"),
            ("number", "By Number", "One person, by the number that an earlier capture gave them"),
        ),
    )
    person: IntProperty(name="Number", description="The person's number, from 0", min=0, max=9999)
    use_height: BoolProperty(
        name="Known Height",
        description="It is known how tall the person is, which one camera cannot see. The character, its path and its "
        "distance from the camera get their size from it",
    )
    height_m: FloatProperty(
        name="Height",
        description="How tall the person stands, in metres, which holds for everybody who is captured",
        min=SHORTEST_M,
        max=TALLEST_M,
        default=1.75,
        step=1,
        precision=2,
    )
    use_range: BoolProperty(name="Range", description="Capture a part of the footage")
    start_s: FloatProperty(name="Start", description="First second that is captured", min=0, soft_max=600, unit="NONE")
    end_s: FloatProperty(name="End", description="Last second that is captured", min=0, soft_max=600, default=10)
    camera: EnumProperty(
        name="Camera",
        description="What is known of the camera that took the footage",
        items=(
            ("estimate", "Estimated", "Nothing: its field of view is estimated"),
            ("fov", "Field of View", "Its horizontal field of view"),
            ("focal", "Focal Length", "Its focal length in pixels of the footage, as a calibration gives it"),
        ),
    )
    fov: FloatProperty(
        name="Field of View",
        description="Horizontal field of view of the camera that took the footage",
        subtype="ANGLE",
        min=math.radians(5),
        max=math.radians(170),
        default=math.radians(60),
    )
    focal_px: FloatProperty(
        name="Focal Length",
        description="Focal length of the camera that took the footage, in pixels of the footage",
        min=1,
        soft_max=10_000,
        max=1e6,
        default=1000,
    )
    still_camera: BoolProperty(
        name="Tripod",
        description="The camera is known to stand still; else it is watched, and made up for where it turns",
    )
    body: StringProperty(
        name="Body",
        description="A body file (licensed SMPL, .npz or .pkl) that replaces the body that comes with Limber",
        subtype="FILE_PATH",
    )
    device: EnumProperty(
        name="Device",
        description="What the backend computes on",
        items=(
            ("auto", "Automatic", "The graphics card if the backend can use it, else the processor"),
            ("cpu", "Processor", "The processor, which has more memory"),
            ("cuda", "CUDA", "An NVIDIA graphics card"),
            ("mps", "Metal", "The graphics of an Apple computer"),
        ),
    )
    smoothness: FloatProperty(
        name="Smoothness",
        description="Smoothness that new captures begin with; it can be changed afterwards, for ever",
        min=0,
        max=1,
        default=DEFAULT_SMOOTHNESS,
        subtype="FACTOR",
    )
    match_scene: BoolProperty(
        name="Match Scene",
        description="Give the scene the footage's frame rate and length. If it holds captures already, its rate stays",
        default=True,
    )
    add_camera: BoolProperty(
        name="Camera and Footage",
        description="Add the camera that took the footage, with the footage behind the people",
        default=True,
    )

    def footage_path(self) -> Path:
        """The footage.

        Raises:
            BackendError: if none is chosen.
        """
        if not self.footage.strip():
            raise BackendError("No footage is chosen. Choose a video in the panel.")
        return _absolute(self.footage)

    def options(self) -> CaptureOptions:
        """What the backend is to be asked for.

        Raises:
            BackendError: if the range is empty.
        """
        if self.use_range and self.end_s <= self.start_s:
            raise BackendError(
                f"The range ends at {self.end_s:g} s, before its start. Give an end after {self.start_s:g} s."
            )
        return CaptureOptions(
            network=self.network_name,
            detector=self.detector,
            person=str(self.person) if self.people == "number" else self.people,
            start_s=self.start_s if self.use_range else None,
            end_s=self.end_s if self.use_range else None,
            fov_deg=math.degrees(self.fov) if self.camera == "fov" else None,
            focal_px=self.focal_px if self.camera == "focal" else None,
            height_m=self.height_m if self.use_height else None,
            body=str(_absolute(self.body)) if self.body.strip() else None,
            device=self.device,
            still_camera=self.still_camera,
        )


def _absolute(path: str) -> Path:
    """A path as Blender writes it; two slashes at its beginning are the folder of the .blend."""
    return Path(bpy.path.abspath(path.strip())).absolute()


def _update_smoothness(action: Any, context: Any) -> None:
    from .characters import smooth_take

    smooth_take(action, context.scene.frame_current)


def _update_part(parts: Any, context: Any) -> None:
    _update_smoothness(parts.id_data, context)


class LIMBER_PG_parts(bpy.types.PropertyGroup):  # type: ignore[misc]  # noqa: N801
    """Parts of the body that a take smooths by an amount of their own: ``action.limber_parts``."""

    __annotations__ = {
        f"own_{part}": BoolProperty(
            name=part.capitalize(),
            description=f"The {part} have a smoothness of their own, whatever the slider above says",
            options=set(),
            update=_update_part,
        )
        for part in BODY_PARTS
    } | {
        part: FloatProperty(
            name=part.capitalize(),
            description=f"Smoothness of the {part}",
            min=0,
            max=1,
            default=DEFAULT_SMOOTHNESS,
            subtype="FACTOR",
            options=set(),
            update=_update_part,
        )
        for part in BODY_PARTS
    }

    def own(self) -> dict[str, float]:
        """The parts that have their own, as :func:`smpl_rig.refine.refine` takes them."""
        return {part: getattr(self, part) for part in BODY_PARTS if getattr(self, f"own_{part}")}


CLASSES = (LIMBER_PG_scene, LIMBER_PG_parts)


def attach() -> None:
    """Adds the properties to Blender's types."""
    bpy.types.Scene.limber = PointerProperty(type=LIMBER_PG_scene)
    # A take's own number, kept with the capture that the take comes from.
    bpy.types.Action.limber_parts = PointerProperty(type=LIMBER_PG_parts)
    bpy.types.Action.limber_smoothness = FloatProperty(
        name="Smoothness",
        description="From the capture as it is to the smoothest; rewrites the keys, and can be changed for ever",
        min=0,
        max=1,
        default=DEFAULT_SMOOTHNESS,
        subtype="FACTOR",
        options=set(),
        update=_update_smoothness,
    )


def detach() -> None:
    """Takes them away again; what they hold stays in the file."""
    del bpy.types.Action.limber_smoothness
    del bpy.types.Action.limber_parts
    del bpy.types.Scene.limber
