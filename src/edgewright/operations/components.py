"""The operations of Greengrass V2's control plane on components and their tags."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

import orjson

from edgewright.arns import NAME_CHARACTERS, ComponentArn
from edgewright.errors import ResourceNotFound, ValidationFault
from edgewright.greengrass.client_tokens import ClientToken, Receipt
from edgewright.greengrass.component_store import DEPLOYABLE, Component
from edgewright.operations import artifacts, paging, recipes, rules
from edgewright.operations.access import COMPONENT, Access, Accesses, Request, Response, reading
from edgewright.stores import S3Uri

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from edgewright.operations.caller import Caller
    from edgewright.operations.context import Context

PAGE = 100


def _component_of(member: str) -> Callable[[str, Caller, Request], Sequence[Access]]:
    """Finds the component, or the version of one, whose ARN is in a member of the request."""

    def find(action: str, _caller: Caller, request: Request) -> Sequence[Access]:
        try:
            key = ComponentArn.parse(request.get(member, ""))
        except ValueError:  # the operation refuses it
            return (Access(action),)
        aliases = () if key.version is None else (str(replace(key, version=None)),)
        return (Access(action, key.name, str(key), aliases),)

    return find


def _component_of_recipe(action: str, caller: Caller, request: Request) -> Sequence[Access]:
    name = recipes.name_of(request.get("inlineRecipe") or b"")
    if name is None:
        return (Access(action),)
    shortened = name[: NAME_CHARACTERS + 1]  # a longer one is refused, whatever comes behind
    return (Access(action, shortened, caller.component_arn(shortened)),)


ON_COMPONENT = Accesses((COMPONENT,), _component_of("arn"))
"""What an operation touches that is given the ARN of a component, or of a version of one."""
ON_TAGGED_COMPONENT = Accesses((COMPONENT,), _component_of("resourceArn"))
"""What the operations on tags touch: the component version whose ARN they are given."""
ON_RECIPE = Accesses((COMPONENT,), _component_of_recipe)
"""What CreateComponentVersion touches by name: the component that the recipe names."""


def create_component_version(context: Context, request: Request) -> Response:
    """CreateComponentVersion: check a recipe, compute its artifacts' digests, store it; DEPLOYABLE at once.

    A request that comes again with its client token gets the first answer, for eight hours.

    Raises:
        ValidationFault: a Lambda function, no recipe, one that cores would not take, or artifacts that cannot be read.
        ComponentExists: the component has this version already.
        ClientTokenUsed: the client token came with another request.
    """
    tags = _tags(request.get("tags", {}))
    text = _inline_recipe(request)
    token = _client_token(context, request, text, tags)
    known = context.components.answered(token, context.now()) if token else None
    if known is not None:
        return _created(known)
    component = _component(context, recipes.checked(text))
    if token is not None:
        return _created(context.components.insert_once(component, tags, token))
    stored = context.components.insert(component, tags)
    return _created(Receipt(stored.key, stored.created_at))


def describe_component(context: Context, request: Request) -> Response:
    """DescribeComponent: what is known of a version, beside its recipe.

    Raises:
        ResourceNotFound: no such version in the caller's account and region.
    """
    component = context.components.get(_version(context, request["arn"]))
    response: Response = {
        "arn": component.arn,
        "componentName": component.name,
        "componentVersion": component.version,
        "creationTimestamp": component.created_at,
        "status": _status(component),
    }
    return response | _details(component) | _tags_of(component)


def get_component(context: Context, request: Request) -> Response:
    """GetComponent: a version's recipe, in JSON unless YAML is asked for [D].

    Raises:
        ResourceNotFound: no such version in the caller's account and region.
    """
    component = context.components.get(_version(context, request["arn"]))
    form = request.get("recipeOutputFormat", "JSON")
    recipe = component.recipe if form == "JSON" else recipes.as_yaml(component.recipe)
    return {"recipeOutputFormat": form, "recipe": recipe} | _tags_of(component)


def list_components(context: Context, request: Request) -> Response:
    """ListComponents: the caller's components by name, each with its highest version; 100 a page unless asked.

    There are no public components here: with the scope PUBLIC the list is empty.

    Raises:
        ValidationFault: a nextToken that this query did not give out.
    """
    cursor = paging.read_token(context, "ListComponents", request)
    if request.get("scope", "PRIVATE") == "PUBLIC":
        return {"components": []}
    caller, most = context.caller, request.get("maxResults", PAGE)
    page = context.components.list(caller.account, caller.region, cursor[0] if cursor else None, most)
    return {"components": [_latest(component) for component in page.components]} | _next(
        context, "ListComponents", request, page.cursor
    )


def list_component_versions(context: Context, request: Request) -> Response:
    """ListComponentVersions: the versions of a component, the highest first; 100 a page unless asked otherwise.

    Raises:
        ResourceNotFound: no such component in the caller's account and region.
        ValidationFault: a nextToken that this query did not give out.
    """
    cursor = paging.read_token(context, "ListComponentVersions", request)
    key = _own(context, request["arn"])
    page = context.components.versions(key, cursor[0] if cursor else None, request.get("maxResults", PAGE))
    if not page.components and cursor is None:
        raise _missing(str(key))
    versions = [
        {"componentName": component.name, "componentVersion": component.version, "arn": component.arn}
        for component in page.components
    ]
    return {"componentVersions": versions} | _next(context, "ListComponentVersions", request, page.cursor)


def get_component_version_artifact(context: Context, request: Request) -> Response:
    """GetComponentVersionArtifact: an address at which anybody may fetch the artifact for a quarter of an hour.

    Raises:
        ResourceNotFound: no such version, or no artifact of that name in it.
        ValidationFault: a FIPS endpoint is asked for, or the artifact is no package that the service wrote, or a job
            has written over it.
    """
    if request.get("iotEndpointType") == "fips":
        raise ValidationFault(
            "Value 'fips' at 'iotEndpointType' cannot be honoured: this service has no FIPS endpoint. Leave it out."
        )
    component = context.components.get(_version(context, request["arn"]))
    named = artifacts.named(component.artifacts, request["artifactName"])
    if named is None:
        raise _missing(f"{component.arn}/artifacts/{request['artifactName']}")
    uri = S3Uri.parse(named)
    context.authorize(reading(uri, context.caller.region))
    if component.job_arn is None and not artifacts.is_package(context, uri):
        raise ValidationFault(
            f"No link is made to {uri}: links are made with the service's own rights, and lead to the packages of "
            "COMPLETED edge packaging jobs of this account and region alone. Cores read other s3:// artifacts with "
            "their own role."
        )
    sha256 = artifacts.digest_of(component.recipe, uri)
    artifacts.check_place(context, component, uri, sha256)
    return {"preSignedUrl": context.link(uri, context.caller.endpoint, sha256)}


def delete_component(context: Context, request: Request) -> None:
    """DeleteComponent: forget a version; its artifacts stay where they are, and devices that run it run on [S].

    Raises:
        ResourceNotFound: no such version in the caller's account and region.
    """
    context.components.delete(_version(context, request["arn"]))


def tag_resource(context: Context, request: Request) -> Response:
    """TagResource: set each given tag of a component version, over an earlier value of its key.

    Raises:
        ResourceNotFound: no such version in the caller's account and region.
        ValidationFault: more than 50 tags in all, or a reserved key.
    """
    key = _version(context, request["resourceArn"])
    context.components.put_tags(key, _tags(request["tags"]), most=rules.TAGS_PER_RESOURCE)
    return {}


def untag_resource(context: Context, request: Request) -> Response:
    """UntagResource: remove the given keys; a key that is not there is passed over.

    Raises:
        ResourceNotFound: no such version in the caller's account and region.
    """
    context.components.remove_tags(_version(context, request["resourceArn"]), request["tagKeys"])
    return {}


def list_tags_for_resource(context: Context, request: Request) -> Response:
    """ListTagsForResource: the tags of a component version.

    Raises:
        ResourceNotFound: no such version in the caller's account and region.
    """
    return _tags_of(context.components.get(_version(context, request["resourceArn"])))


def _component(context: Context, recipe: Mapping[str, Any]) -> Component:
    artifacts.authorize(context, recipe)
    digested = artifacts.with_digests(recipe, context.objects, partial(artifacts.refusal, context))
    return Component.of(
        recipe,
        account=context.caller.account,
        region=context.caller.region,
        recipe=recipes.as_json(digested),
        created_at=context.now(),
    )


def _client_token(context: Context, request: Request, recipe: bytes, tags: Mapping[str, str]) -> ClientToken | None:
    """The request's client token, if it has one, with a digest of all that the request asks for."""
    token = request.get("clientToken")
    if token is None:
        return None
    asked = hashlib.sha256(recipe + b"\0" + orjson.dumps(sorted(tags.items()))).hexdigest()
    return ClientToken(context.caller.account, context.caller.region, token, asked)


def _created(receipt: Receipt) -> Response:
    """What a creation is answered with: a component is DEPLOYABLE at once."""
    return {
        "arn": str(receipt.key),
        "componentName": receipt.key.name,
        "componentVersion": receipt.key.version,
        "creationTimestamp": receipt.created_at,
        "status": {"componentState": DEPLOYABLE, "message": "NONE", "errors": {}},
    }


def _inline_recipe(request: Request) -> bytes:
    if "lambdaFunction" in request:
        raise ValidationFault(
            "'lambdaFunction' is not supported: this service makes no components of Lambda functions. Give an "
            "inlineRecipe instead."
        )
    recipe: bytes = request.get("inlineRecipe", b"")
    if not recipe:
        raise ValidationFault("'inlineRecipe' is missing: it is the component's recipe, in JSON or YAML.")
    return recipe


def _own(context: Context, arn: str) -> ComponentArn:
    """What an ARN names, seen from the caller: another account's or region's component does not exist."""
    try:
        key = ComponentArn.parse(arn)
    except ValueError as error:
        raise _missing(arn) from error
    if (key.account, key.region) != (context.caller.account, context.caller.region):
        raise _missing(arn)
    return key


def _version(context: Context, arn: str) -> ComponentArn:
    key = _own(context, arn)
    if key.version is None:
        raise _missing(arn)
    return key


def _missing(arn: str) -> ResourceNotFound:
    return ResourceNotFound(f"The following resource was not found: {arn}", arn)


def _status(component: Component) -> Response:
    return {"componentState": component.state, "message": component.message, "errors": {}}


def _details(component: Component) -> Response:
    """What a recipe may say of itself, as far as this one does."""
    details = {"description": component.description, "publisher": component.publisher, "platforms": component.platforms}
    return {name: value for name, value in details.items() if value}


def _latest(component: Component) -> Response:
    version = {"arn": component.arn, "componentVersion": component.version, "creationTimestamp": component.created_at}
    whole = ComponentArn(component.account, component.region, component.name)
    return {"arn": str(whole), "componentName": component.name, "latestVersion": version | _details(component)}


def _tags(given: Mapping[str, str]) -> dict[str, str]:
    tags = rules.tags_of({"Key": key, "Value": value} for key, value in given.items())
    if len(tags) > rules.TAGS_PER_RESOURCE:
        raise ValidationFault(f"{len(tags)} tags were given, and {rules.TAGS_PER_RESOURCE} are allowed.")
    return tags


def _tags_of(component: Component) -> Response:
    return {"tags": dict(component.tags)} if component.tags else {}


def _next(context: Context, operation: str, request: Request, cursor: str | None) -> Response:
    return {"nextToken": paging.make_token(context, operation, request, [cursor])} if cursor is not None else {}
