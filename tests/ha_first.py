"""Loaded by pytest before every other plugin (see addopts).

Home Assistant 2026.11 replaces `httpx` at import and refuses to start when it was imported before, which the test
harness does; and the harness still looks for one helper in the place it had in 2026.10.
"""

import homeassistant  # noqa: F401  -- first, for its side effect on httpx
from homeassistant.components import logger as _logger
from homeassistant.components.logger import helpers as _helpers

if not hasattr(_logger, "_clear_logger_overwrites"):
    _logger._clear_logger_overwrites = _helpers._clear_logger_overwrites  # type: ignore[attr-defined]
