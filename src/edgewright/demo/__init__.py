"""The demo: a small model that was really trained, and its way through the service."""
