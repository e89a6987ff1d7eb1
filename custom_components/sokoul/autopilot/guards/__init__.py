"""Protective reflexes: what has to happen at once when a tunnel leaks, a port changes or a machine gets too hot."""
