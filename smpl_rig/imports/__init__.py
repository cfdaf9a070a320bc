"""Motion that other programs wrote, as Motions on a body: see :mod:`smpl_rig.imports.reading`."""
