"""The Home Assistant side of each kind of backend."""
