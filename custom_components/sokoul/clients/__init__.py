"""Clients of the backends' APIs: asyncio, typed, and knowing nothing of Home Assistant."""
