"""The pages of components: all of them, and one version with its recipe."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote

from edgewright.console import snippets
from edgewright.console.filters import filters

if TYPE_CHECKING:
    from starlette.responses import Response

    from edgewright.console.page_requests import PageRequest

PATH = "/console/components"


def listing(page_request: PageRequest) -> Response:
    """`GET /console/components`: one page of components, each with its highest version."""
    asked = filters(PATH, page_request.query, ("NAME",))
    token = {"nextToken": page_request.query["after"]} if page_request.query.get("after") else {}
    found = page_request.api.call("ListComponents", maxResults=asked.size, **token)
    return page_request.page(
        "components.html", filters=asked, components=found["components"], token=found.get("nextToken"), link=link
    )


def component(page_request: PageRequest) -> Response:
    """`GET /console/components/<name>/<version>`: one version, its recipe, and the other versions."""
    name, version = page_request.place["name"], page_request.place["version"]
    base = page_request.api.caller.component_arn(name)
    arn = f"{base}:versions:{version}"
    described = page_request.api.call("DescribeComponent", arn=arn)
    got = page_request.api.call("GetComponent", arn=arn)
    others = page_request.api.ask("ListComponentVersions", arn=base, maxResults=100)
    return page_request.page(
        "component.html",
        described=described,
        recipe=got["recipe"],
        versions=others["componentVersions"] if others else [],
        deploy=snippets.deploy_commands(name, version),
        link=link,
    )


def link(name: str, version: str) -> str:
    """The address of a version's page."""
    return f"{PATH}/{quote(name, safe='')}/{quote(version, safe='')}"
