"""Immutable types of what SOKOUL knows: no I/O, no Home Assistant, nothing of the other packages."""
