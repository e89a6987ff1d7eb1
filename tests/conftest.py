"""What every test needs."""

# The harness has a `custom_components` of its own: ours has to be found first.
import custom_components.sokoul.const  # noqa: F401
