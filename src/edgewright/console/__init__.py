"""The console: web pages over the operations that the wire calls, rendered here, with no request off this host."""

from edgewright.console.api_client import Readings
from edgewright.console.packages import Packages
from edgewright.console.page_requests import Gate
from edgewright.console.routes import Console, Parts
from edgewright.console.sessions import Seals

__all__ = ["Console", "Gate", "Packages", "Parts", "Readings", "Seals"]
