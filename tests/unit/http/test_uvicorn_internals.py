"""These fail when an upgrade of uvicorn moves what the connection uses of its protocol beyond asyncio's names."""

from __future__ import annotations

import ast
import asyncio
import inspect
from importlib.metadata import version

import httptools
import uvicorn
from uvicorn.protocols.http import flow_control, httptools_impl

from edgewright.http import connection, listener
from edgewright.http.connection import BoundedProtocol

OVERRIDDEN = {
    "on_message_begin",
    "on_header",
    "on_headers_complete",
    "on_body",
    "on_message_complete",
    "on_response_complete",
    "send_400_response",
}
READ = {"client", "cycle", "headers", "loop", "parser", "pipeline", "transport", "url"}
OF_A_CYCLE = {"disconnected", "keep_alive", "message_event", "response_complete", "response_started"}
OF_THE_PARSER = {"get_http_version", "should_upgrade"}


def test_the_version_is_the_one_that_was_read() -> None:
    assert version("uvicorn").startswith("0.54."), "read http/connection.py against the new version, then move this"


def used_of(owner: str) -> set[str]:
    """The names that the connection uses of `self`, or of one of its members."""
    tree = ast.parse(inspect.getsource(connection))
    return {
        node.attr
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and ast.unparse(node.value) == owner and isinstance(node.ctx, ast.Load)
    } | {
        node.attr
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and ast.unparse(node.value) == owner and owner != "self"
    }


def test_no_other_name_is_used() -> None:
    own = set(vars(BoundedProtocol)) | set(BoundedProtocol.__annotations__)
    init = ast.parse(inspect.getsource(connection))
    own |= {
        node.attr
        for node in ast.walk(init)
        if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store) and ast.unparse(node.value) == "self"
    }
    assert used_of("self") - own == READ
    assert used_of("self.cycle") == OF_A_CYCLE
    assert used_of("self.parser") == OF_THE_PARSER
    theirs = set(vars(httptools_impl.HttpToolsProtocol)) - set(vars(asyncio.Protocol)) - set(vars(object))
    asyncio_names = {"connection_made", "connection_lost", "data_received", "pause_writing", "resume_writing"}
    assert set(vars(BoundedProtocol)) & theirs - {"__init__", "__module__", "__doc__"} - asyncio_names == OVERRIDDEN


def test_the_names_are_there() -> None:
    protocol, cycle = httptools_impl.HttpToolsProtocol, httptools_impl.RequestResponseCycle
    made = inspect.getsource(protocol)
    assert all(f"self.{name}: " in made or f"self.{name} = " in made for name in READ)
    assert all(hasattr(protocol, name) for name in OVERRIDDEN)
    begun = inspect.getsource(cycle.__init__)
    assert all(f"self.{name} =" in begun for name in OF_A_CYCLE)
    assert all(hasattr(httptools.HttpRequestParser, name) for name in OF_THE_PARSER)


def test_what_is_relied_on_is_so() -> None:
    """A cycle that is disconnected writes nothing, waits for no body, and is announced when it is complete."""
    cycle = httptools_impl.RequestResponseCycle
    assert "if self.disconnected:\n            return" in inspect.getsource(cycle.send)
    assert "self.on_response()" in inspect.getsource(cycle.send)
    assert "if self.disconnected or self.response_complete:" in inspect.getsource(cycle.receive)
    assert flow_control.HIGH_WATER_LIMIT == 65536


def test_the_server_overrides_public_methods_alone() -> None:
    names = set(vars(listener.Server)) & set(dir(uvicorn.Server)) - set(dir(object))
    assert names - {"__module__", "__dict__", "__weakref__"} == {"capture_signals", "handle_exit", "startup"}
