"""A simulated detector that makes no errors."""

from dataclasses import fields, replace

from backend.training.detector import DetectorErrors

#: A detector without errors: every range is nothing but what leaves the truth as it is.
PERFECT = replace(
    DetectorErrors(**{
        entry.name: (0.0, 0.0) for entry in fields(DetectorErrors) if isinstance(entry.default, tuple)
    }),
    memory_s=(0.3, 0.3), visibility=(5.0, 5.0), depth_slope=(1.0, 1.0), legs_depth_slope=(1.0, 1.0),
        world_scale=(1.0, 1.0), without_world=0.0,
)  # fmt: skip
