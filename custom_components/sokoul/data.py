"""The runtime types of the config entry."""

from homeassistant.config_entries import ConfigEntry

from .hub import Hub

type SokoulConfigEntry = ConfigEntry[Hub]
