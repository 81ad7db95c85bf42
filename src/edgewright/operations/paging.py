"""NextToken: where a listing goes on. Opaque, bound to its query, tamper-proof.

A token is base64url over a 16-byte tag and the JSON of the last row's sort value and name. The tag is an HMAC-SHA256,
cut to 128 bits, over that JSON and everything the page depends on: operation, account, region, filters and sort. A
token therefore fits no other query, and cannot be forged. MaxResults may change from page to page.
"""

from __future__ import annotations

import base64
import hmac
from typing import TYPE_CHECKING, Any

import orjson

from edgewright.errors import ValidationFault

if TYPE_CHECKING:
    from collections.abc import Mapping

    from edgewright.operations.context import Context

TAG_BYTES = 16
UNBOUND = frozenset({"NextToken", "MaxResults", "nextToken", "maxResults"})

Cursor = list[Any]


def make_token(context: Context, operation: str, request: Mapping[str, Any], cursor: Cursor) -> str:
    """The token that goes on behind `cursor`, the last row's sort value and name."""
    body = orjson.dumps(cursor)
    return base64.urlsafe_b64encode(_tag(context, operation, request, body) + body).decode("ascii")


def read_token(context: Context, operation: str, request: Mapping[str, Any]) -> Cursor | None:
    """The cursor in the request's NextToken, or None where it has none.

    Raises:
        ValidationFault: a token that this query did not give out.
    """
    token = request.get("NextToken") or request.get("nextToken")
    if not token:
        return None
    try:
        signed = base64.b64decode(token, altchars=b"-_", validate=True)
    except ValueError as error:
        raise _refused() from error
    tag, body = signed[:TAG_BYTES], signed[TAG_BYTES:]
    if not hmac.compare_digest(tag, _tag(context, operation, request, body)):
        raise _refused()
    cursor = orjson.loads(body)
    assert isinstance(cursor, list)
    return cursor


def _tag(context: Context, operation: str, request: Mapping[str, Any], body: bytes) -> bytes:
    bound = {name: value for name, value in request.items() if name not in UNBOUND}
    query = [operation, context.caller.account, context.caller.region, bound]
    text = orjson.dumps(query, option=orjson.OPT_SORT_KEYS) + b"\n" + body
    return hmac.digest(context.token_key, text, "sha256")[:TAG_BYTES]


def _refused() -> ValidationFault:
    return ValidationFault(
        "Invalid NextToken: it was not returned by this operation with these filters and this sort order. "
        "Send the token of the previous page with the same parameters, or none to start again."
    )
