"""Telemetry: counters, snapshots, metrics and traces of the service."""
