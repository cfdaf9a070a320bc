"""Finding people: detection, landmarks, tracking over time."""
