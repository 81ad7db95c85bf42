"""The pages of components: all of them, and one version with its recipe."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote

from edgewright.console import snippets
from edgewright.console.listing import filters

if TYPE_CHECKING:
    from starlette.responses import Response

    from edgewright.console.page_requests import PageRequest

PATH = "/console/components"


def listing(visit: PageRequest) -> Response:
    """`GET /console/components`: one page of components, each with its highest version."""
    asked = filters(PATH, visit.query, ("NAME",))
    token = {"nextToken": visit.query["after"]} if visit.query.get("after") else {}
    found = visit.desk.call("ListComponents", maxResults=asked.size, **token)
    return visit.page(
        "components.html", filters=asked, components=found["components"], token=found.get("nextToken"), link=link
    )


def component(visit: PageRequest) -> Response:
    """`GET /console/components/<name>/<version>`: one version, its recipe, and the other versions."""
    name, version = visit.place["name"], visit.place["version"]
    base = visit.desk.context.caller.component_arn(name)
    arn = f"{base}:versions:{version}"
    described = visit.desk.call("DescribeComponent", arn=arn)
    got = visit.desk.call("GetComponent", arn=arn)
    others = visit.desk.ask("ListComponentVersions", arn=base, maxResults=100)
    return visit.page(
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
