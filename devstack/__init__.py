"""The demo stack: simulators of the backends, real services beside them, and the launcher of both.

Imports nothing of the integration, so that a simulator can never agree with our clients by sharing their code. Only
`demo_world` does, which is a component of the demo's Home Assistant and no simulator.
"""
