"""Telemetry: what the service tells of itself to those who watch it, as metrics and traces."""
