"""A clip with known truth, captured by the real pipeline and compared with the truth."""
