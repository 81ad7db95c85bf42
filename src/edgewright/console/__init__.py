"""The console: web pages over the operations of the API, rendered here, with no request off this host."""

from edgewright.console.api_client import Readings
from edgewright.console.packages import Packages
from edgewright.console.page_requests import PageRequests
from edgewright.console.routes import Console, Parts

__all__ = ["Console", "Packages", "PageRequests", "Parts", "Readings"]
