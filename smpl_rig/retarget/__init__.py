"""From SMPL's pose to any other rig, in numpy: which bone is which, and how each turns. See ``docs/retargeting.md``."""
