"""Releases: what their names say, whether it is the right title, how good they are for a person, and why."""
