"""The service model as data, and AWS JSON 1.1 by it: bytes to requests, requests to faults, responses to bytes.

Everything here is pure and synchronous. `load_service` reads the extract of the model that
`scripts/extract_service_model.py` makes; an operation's name is looked up in it, and its shapes drive the rest.
"""

from edgewright.protocol.errors import ErrorReply, error_reply
from edgewright.protocol.model import Operation, Service, Shape, load_service
from edgewright.protocol.parse import parse_request
from edgewright.protocol.serialize import serialize_response
from edgewright.protocol.validate import faults, shortened, validate

__all__ = [
    "ErrorReply",
    "Operation",
    "Service",
    "Shape",
    "error_reply",
    "faults",
    "load_service",
    "parse_request",
    "serialize_response",
    "shortened",
    "validate",
]
