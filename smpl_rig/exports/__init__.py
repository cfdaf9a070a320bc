"""Takes as files that need no Blender: BVH, AMASS, CSV; and what all formats share."""
