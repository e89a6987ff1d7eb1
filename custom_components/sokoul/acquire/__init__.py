"""Finding what a person wants, and getting it. Knows nothing of Home Assistant."""
