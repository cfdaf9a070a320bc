"""Which of a rig's bones are which, by how they hang together and where they lie at rest.

A figure is two legs that reach the floor, what carries them, two arms that reach furthest to the sides, and what rises
between them. Feet point forward, which tells left from right; of legs that end without toes, names may tell. Where that
is not what a rig looks like, it is refused with what is missing, not guessed.
"""
