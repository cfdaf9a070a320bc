"""What is known of each frame before any network: repaired landmarks and a per-frame estimate of pose."""
