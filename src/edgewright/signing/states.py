"""The states of a key. Pure, and without the libraries that keys need: devices import this with every package."""

from __future__ import annotations

from enum import StrEnum


class KeyState(StrEnum):
    """What a key may still do. Every known key has one."""

    ACTIVE = "active"
    """It may sign, and what it signed verifies."""
    RETIRED = "retired"
    """It signs no more; what it signed verifies."""
    REVOKED = "revoked"
    """Nothing that it signed is to be deployed: it cannot be told from a forgery."""
