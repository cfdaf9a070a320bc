"""Networks that look at pictures of people; their weights are published by others."""
