"""Everything that needs only numpy: the body, its motion, and what is done to motion after a capture.

This package runs in the backend and inside Blender alike. Only :mod:`smpl_rig.blender` may import ``bpy``.
"""
