"""What SOKOUL concludes from the world: pure functions, no I/O, no Home Assistant."""
