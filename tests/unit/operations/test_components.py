"""Component operations over a real store: what is kept, what is refused, what is the caller's own."""

from __future__ import annotations

import base64
import hashlib
import json
from dataclasses import replace
from typing import Any

import pytest

from edgewright.errors import ClientTokenUsed, ComponentExists, ResourceNotFound, StoreUnavailable, ValidationFault
from edgewright.jobs import Kind, PackagingJob, Status
from edgewright.operations import OPERATIONS, Caller, Context
from edgewright.operations import artifacts as of_recipes
from edgewright.stores import S3Uri
from memory_store import MemoryStore

PREFIX = "arn:aws:greengrass:eu-west-1:123456789012:components"
URI = "s3://packages/out/digits-1.0.tar.gz"
DIGEST = base64.b64encode(hashlib.sha256(b"package").digest()).decode()


def call(name: str, context: Context, **request: Any) -> dict[str, Any]:
    return dict(OPERATIONS[name](context, request) or {})


def recipe(name: str = "a", version: str = "1.0.0", *uris: str, **changes: Any) -> dict[str, Any]:
    manifest = {
        "Platform": {"os": "linux", "runtime": "*"},
        "Lifecycle": {"run": "exec sleep infinity"},
        "Artifacts": [{"Uri": uri, "Permission": {"Read": "ALL", "Execute": "NONE"}} for uri in uris],
    }
    whole = {"RecipeFormatVersion": "2020-01-25", "ComponentName": name, "ComponentVersion": version}
    return whole | {"Manifests": [manifest]} | changes


def create(context: Context, *parts: str, **changes: Any) -> str:
    arn: str = call("CreateComponentVersion", context, inlineRecipe=json.dumps(recipe(*parts, **changes)).encode())[
        "arn"
    ]
    return arn


@pytest.fixture
def stocked(context: Context) -> Context:
    """A context whose object store holds a package."""
    context.objects.write(S3Uri.parse(URI), [b"pack", b"age"])
    return context


def test_a_recipe_is_kept_with_its_digests(stocked: Context) -> None:
    arn = create(stocked, "a", "1.0.0", URI, URI)
    kept = json.loads(call("GetComponent", stocked, arn=arn)["recipe"])
    for entry in kept["Manifests"][0]["Artifacts"]:
        assert (entry["Uri"], entry["Digest"], entry["Algorithm"]) == (URI, DIGEST, "SHA-256")
    component = stocked.components.get(stocked.components.list("123456789012", "eu-west-1").components[0].key)
    assert component.artifacts == (URI,)
    assert component.created_at == stocked.now()


def test_keys_in_another_spelling_are_found_and_left_so(stocked: Context) -> None:
    artifact = {"URI": URI, "digest": "old", "Permission": {"Read": "ALL", "Execute": "NONE"}}
    manifests = [{"Platform": {"runtime": "*"}, "lifecycle": {"run": "x"}, "artifacts": [artifact]}]
    given = {"recipeformatversion": "2020-01-25", "componentname": "b", "componentversion": "1.0.0"}
    text = json.dumps(given | {"manifests": manifests}).encode()
    arn = call("CreateComponentVersion", stocked, inlineRecipe=text)["arn"]
    (kept,) = json.loads(call("GetComponent", stocked, arn=arn)["recipe"])["manifests"][0]["artifacts"]
    assert kept == {"URI": URI, "Permission": artifact["Permission"], "Digest": DIGEST, "Algorithm": "SHA-256"}


def test_a_client_token_makes_a_request_count_once(stocked: Context) -> None:
    asked = {"inlineRecipe": json.dumps(recipe("once", "1.0.0", URI)).encode(), "tags": {"a": "1", "b": "2"}}
    first = call("CreateComponentVersion", stocked, clientToken="t-1", **asked)
    stocked.objects.delete(S3Uri.parse(URI))  # the first answer needs no artifact any more
    assert call("CreateComponentVersion", stocked, clientToken="t-1", **asked) == first
    for other in ({"tags": {"a": "1"}}, {"inlineRecipe": json.dumps(recipe("other")).encode()}):
        with pytest.raises(ClientTokenUsed):
            call("CreateComponentVersion", stocked, clientToken="t-1", **asked | other)
    with pytest.raises(ComponentExists):
        call("CreateComponentVersion", stocked, inlineRecipe=json.dumps(recipe("once")).encode(), clientToken="t-2")


def test_a_warning_refuses_nothing_and_an_error_does(context: Context) -> None:
    no_platform = {"Manifests": [{"Lifecycle": {"run": "x"}}]}
    assert create(context, "warned", **no_platform)
    with pytest.raises(ValidationFault) as refused:
        create(context, "a b", "banana", RecipeFormatVersion="1")
    for told in ("RecipeFormatVersion is '1'", "ComponentName 'a b'", "ComponentVersion 'banana'"):
        assert told in refused.value.message


def test_a_digest_may_make_a_recipe_too_large(stocked: Context) -> None:
    for number in range(100):
        stocked.objects.write(S3Uri("packages", str(number)), [b"x"])
    uris = [f"s3://packages/{number}" for number in range(100)]
    size = len(json.dumps(recipe("a", "1.0.0", *uris)))
    with pytest.raises(ValidationFault, match="with its artifacts' digests"):
        create(stocked, "a", "1.0.0", *uris, ComponentDescription="x" * (15_900 - size))
    assert stocked.components.list("123456789012", "eu-west-1").components == ()


def test_a_store_that_fails_is_nobodys_recipe(stocked: Context) -> None:
    class Failing(MemoryStore):
        def read(self, uri: S3Uri) -> Any:
            raise StoreUnavailable(str(uri))

    failing = replace(stocked, objects=Failing())
    with pytest.raises(StoreUnavailable):
        create(failing, "a", "1.0.0", URI)


def test_unreadable_artifacts_are_all_named(stocked: Context) -> None:
    with pytest.raises(ValidationFault) as refused:
        create(stocked, "a", "1.0.0", "s3://packages/gone", URI, "s3://nowhere/gone")
    assert refused.value.message == (
        "Invalid Input: Encountered following errors in Artifacts: {s3://packages/gone = Specified artifact resource "
        "cannot be accessed, s3://nowhere/gone = Specified artifact resource cannot be accessed}"
    )


def test_a_version_is_made_once(context: Context) -> None:
    arn = create(context)
    with pytest.raises(ComponentExists) as refused:
        create(context)
    assert refused.value.resource == arn
    call("DeleteComponent", context, arn=arn)
    assert create(context) == arn


@pytest.mark.parametrize(
    ("name", "member"),
    [
        ("DescribeComponent", "arn"), ("GetComponent", "arn"), ("DeleteComponent", "arn"),
        ("ListTagsForResource", "resourceArn"), ("TagResource", "resourceArn"), ("UntagResource", "resourceArn"),
        ("GetComponentVersionArtifact", "arn"),
    ],
)  # fmt: skip
def test_what_is_not_the_callers_does_not_exist(context: Context, name: str, member: str) -> None:
    arn = create(context)
    others = [
        replace(context, caller=Caller("210987654321", "eu-west-1")),
        replace(context, caller=Caller("123456789012", "us-east-1")),
    ]
    rest: dict[str, Any] = {"tags": {"a": "b"}, "tagKeys": ["a"], "artifactName": "x"}
    for other in others:
        with pytest.raises(ResourceNotFound):
            call(name, other, **{member: arn}, **rest)
    absent = [
        f"{PREFIX}:a", f"{PREFIX}:a:versions:2.0.0", f"{PREFIX}:b:versions:1.0.0",
        arn.replace("arn:aws:", "arn:aws-cn:"), arn.replace("123456789012", "aws"),
        "arn:aws:greengrass:eu-west-1:123456789012:deployments:x",
    ]  # fmt: skip
    for gone in absent:
        with pytest.raises(ResourceNotFound) as refused:
            call(name, context, **{member: gone}, **rest)
        assert refused.value.resource == gone
    assert call("DescribeComponent", context, arn=arn)["arn"] == arn


def test_describe_leaves_out_what_a_recipe_does_not_say(context: Context) -> None:
    bare = call("DescribeComponent", context, arn=create(context, "bare", Manifests=[{"Lifecycle": {"run": "x"}}]))
    assert {"description", "publisher", "tags"}.isdisjoint(bare)
    told = call(
        "DescribeComponent", context, arn=create(context, "full", ComponentPublisher="p", ComponentDescription="d")
    )
    assert (told["publisher"], told["description"]) == ("p", "d")
    assert told["platforms"][0]["attributes"] == {"os": "linux", "runtime": "*"}


def test_tokens_are_bound_to_their_query(context: Context) -> None:
    for name in ("a", "b", "c"):
        create(context, name)
    first = call("ListComponents", context, maxResults=2)
    assert [component["componentName"] for component in first["components"]] == ["a", "b"]
    rest = call("ListComponents", context, maxResults=1, nextToken=first["nextToken"])
    assert [component["componentName"] for component in rest["components"]] == ["c"]
    assert "nextToken" not in rest
    for name, request in [
        ("ListComponents", {"scope": "PRIVATE", "nextToken": first["nextToken"]}),
        ("ListComponentVersions", {"arn": f"{PREFIX}:a", "nextToken": first["nextToken"]}),
        ("ListComponents", {"nextToken": "banana"}),
    ]:
        with pytest.raises(ValidationFault, match="Invalid NextToken"):
            call(name, context, **request)


def test_tags_have_their_rules(context: Context) -> None:
    arn = create(context)
    for tags in ({"aws:a": "b"}, {f"key-{number}": "" for number in range(51)}):
        with pytest.raises(ValidationFault):
            call("TagResource", context, resourceArn=arn, tags=tags)
        with pytest.raises(ValidationFault):
            call("CreateComponentVersion", context, inlineRecipe=json.dumps(recipe("t")).encode(), tags=tags)
    assert call("ListTagsForResource", context, resourceArn=arn) == {}


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("b/x/model.tar.gz", "s3://b/x/model.tar.gz"),
        ("c/model.tar.gz", "s3://c/model.tar.gz"),
        ("only.bin", "s3://b/only.bin"),
        ("model.tar.gz", None),
        ("x/model.tar.gz", None),
        ("", None),
    ],
)
def test_artifacts_are_found_by_their_place_or_their_own_name(name: str, found: str | None) -> None:
    uris = ("s3://b/x/model.tar.gz", "s3://c/model.tar.gz", "s3://b/only.bin")
    assert of_recipes.named(uris, name) == found


def packaged(context: Context, uri: str = URI, **members: Any) -> None:
    """Have a COMPLETED packaging job whose package is this object."""
    key = context.key(Kind.PACKAGING, "packaged")
    job = PackagingJob(
        key=key,
        compilation_job_name="compiled",
        model_name="digits",
        model_version="1.0",
        role_arn="arn:aws:iam::123456789012:role/edge",
        output_config={"S3OutputLocation": "s3://packages/out"},
        created_at=context.now(),
        modified_at=context.now(),
        source_uri="s3://models/digits.tar.gz",
    )
    ended = {"status": Status.COMPLETED, "model_artifact": uri, "written_uri": uri}
    context.jobs.insert(replace(job, **ended | members), {})


@pytest.mark.parametrize("members", [None, {"status": Status.FAILED}, {"model_artifact": "s3://packages/other"}])
def test_no_link_leads_to_what_is_no_package(stocked: Context, members: dict[str, Any] | None) -> None:
    """Links are made with the service's own rights."""
    if members is not None:
        packaged(stocked, **members)
    arn = create(stocked, "a", "1.0.0", URI)
    with pytest.raises(ValidationFault, match=f"No link is made to {URI}"):
        call("GetComponentVersionArtifact", stocked, arn=arn, artifactName="digits-1.0.tar.gz")


@pytest.mark.parametrize("whose", [{"account": "210987654321"}, {"region": "us-east-1"}])
def test_no_link_leads_to_a_package_of_another_account_or_region(stocked: Context, whose: dict[str, str]) -> None:
    packaged(replace(stocked, caller=replace(stocked.caller, **whose)))
    arn = create(stocked, "a", "1.0.0", URI)
    with pytest.raises(ValidationFault, match="No link is made"):
        call("GetComponentVersionArtifact", stocked, arn=arn, artifactName="digits-1.0.tar.gz")


def test_artifacts_are_in_the_accounts_buckets_or_its_packages(stocked: Context) -> None:
    """An object of somebody else's is refused in the words that one which is not there is refused in."""
    tenant = replace(stocked, component_buckets={"123456789012": ["mine"]})
    stocked.objects.write(S3Uri("mine", "a.bin"), [b"x"])
    assert create(tenant, "a", "1.0.0", "s3://mine/a.bin")
    for uri in (URI, "s3://packages/gone"):
        with pytest.raises(ValidationFault, match="The bucket packages is none that components of the account"):
            create(tenant, "b", "1.0.0", uri)
    packaged(tenant)
    assert create(tenant, "b", "1.0.0", URI)
    assert create(stocked, "c", "1.0.0", URI)
    with pytest.raises(ValidationFault, match="The bucket mine is none"):
        create(replace(stocked, component_buckets={}), "d", "1.0.0", "s3://mine/a.bin")


def test_an_artifact_has_an_address_at_the_callers_endpoint(stocked: Context) -> None:
    packaged(stocked)
    arn = create(stocked, "a", "1.0.0", URI)
    there = replace(stocked, caller=replace(stocked.caller, endpoint="http://edge:8181"))
    answer = call("GetComponentVersionArtifact", there, arn=arn, artifactName="digits-1.0.tar.gz")
    assert answer == {"preSignedUrl": "http://edge:8181/packages/out/digits-1.0.tar.gz"}
    with pytest.raises(ValidationFault, match="fips"):
        call("GetComponentVersionArtifact", there, arn=arn, artifactName="x", iotEndpointType="fips")
