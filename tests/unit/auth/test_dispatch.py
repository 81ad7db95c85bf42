"""The way to an operation: every resource that it touches, the objects too, before anything is made."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from edgewright.auth.dispatch import dispatch
from edgewright.auth.identity import Identity
from edgewright.auth.principals import Principal
from edgewright.auth.rights import Rights, Rule
from edgewright.errors import AccessDenied, ResourceNotFound, ValidationFault
from edgewright.jobs import Kind
from edgewright.operations import OPERATIONS
from edgewright.protocol import load_service
from edgewright.stores import S3Uri
from unit.operations.conftest import compilation, compile_request, compiled, context, enqueued, packaging_request, store

if TYPE_CHECKING:
    from edgewright.operations import Context

__all__ = ["compiled", "context", "enqueued", "store"]
SERVICES = {"sagemaker": load_service("sagemaker"), "greengrass": load_service("greengrassv2")}


def identity(deny: list[Any], allow: list[Any] | None = None) -> Identity:
    rights = Rights(tuple(map(Rule.of, allow or ["*"])), tuple(map(Rule.of, deny)))
    return Identity(Principal("AKIDCI", "s3cret", "123456789012", "ci", rights=rights), "eu-west-1")


def call(who: Identity, context: Context, name: str, **request: Any) -> Any:
    service = OPERATIONS[name].action.partition(":")[0]
    return dispatch(who, context, SERVICES[service].operations[name], request)


def denied(*resources: str, actions: str = "*") -> Identity:
    return identity([{"actions": [actions], "resources": list(resources)}])


@pytest.mark.parametrize("actions", ["*", "sagemaker:*", "sagemaker:CreateEdgePackagingJob"])
def test_who_is_denied_a_name_neither_packages_it_nor_makes_a_component_of_it(context: Context, actions: str) -> None:
    context.jobs.insert(compilation("prod-digits"), {})
    context.jobs.insert(compilation("own"), {})
    who, preset = denied("prod-*", actions=actions), {"PresetDeploymentType": "GreengrassV2Component"}
    output = (
        {"S3OutputLocation": "s3://packages"} | preset | {"PresetDeploymentConfig": '{"ComponentName":"prod-comp"}'}
    )
    for request in (
        packaging_request("mine", CompilationJobName="prod-digits"),
        packaging_request("mine", CompilationJobName="own", OutputConfig=output),
    ):
        with pytest.raises(AccessDenied, match=r"prod-(digits|comp) with an explicit deny"):
            call(who, context, "CreateEdgePackagingJob", **request)
    with pytest.raises(ResourceNotFound):
        context.jobs.get(context.key(Kind.PACKAGING, "mine"))
    call(who, context, "CreateEdgePackagingJob", **packaging_request("mine", CompilationJobName="own"))


@pytest.mark.parametrize(
    ("operation", "request_", "uri", "action"),
    [
        ("CreateEdgePackagingJob", packaging_request("j"), "s3://models/digits-1.0.tar.gz", "s3:GetObject"),
        ("CreateEdgePackagingJob", packaging_request("j"), "s3://packages/digits-1.0.tar.gz", "s3:PutObject"),
        ("CreateCompilationJob", compile_request("c"), "s3://models/in.tar.gz", "s3:GetObject"),
        ("CreateCompilationJob", compile_request("c"), "s3://compiled/in-rasp4b.tar.gz", "s3:PutObject"),
    ],
)
@pytest.mark.usefixtures("compiled")
def test_a_jobs_objects_must_be_allowed(
    context: Context, operation: str, request_: dict[str, Any], uri: str, action: str
) -> None:
    with pytest.raises(AccessDenied, match=f"{action} on resource: {uri.replace('s3://', 'arn:aws:s3:::')} with"):
        call(denied(uri, actions=action), context, operation, **request_)
    other = "s3:PutObject" if action == "s3:GetObject" else "s3:GetObject"
    names_it = identity([], ["sagemaker:*", other])
    with pytest.raises(AccessDenied, match=f"no identity-based policy allows the {action} action"):
        call(names_it, context, operation, **request_)
    call(identity([], ["sagemaker:*"]), context, operation, **request_)


def test_a_components_artifacts_must_be_allowed(context: Context) -> None:
    context.objects.write(S3Uri("secret", "a.bin"), [b"x"])
    manifest = {
        "Platform": {"os": "linux", "runtime": "*"},
        "Lifecycle": {"run": "x"},
        "Artifacts": [{"Uri": "s3://secret/a.bin", "Permission": {"Read": "ALL", "Execute": "NONE"}}],
    }
    recipe = {"RecipeFormatVersion": "2020-01-25", "ComponentName": "c", "ComponentVersion": "1.0.0"}
    text = json.dumps(recipe | {"Manifests": [manifest]}).encode()
    with pytest.raises(AccessDenied, match=r"s3:GetObject on resource: arn:aws:s3:::secret/a\.bin"):
        call(denied("s3://secret/*"), context, "CreateComponentVersion", inlineRecipe=text)
    made = call(denied("s3://other/*"), context, "CreateComponentVersion", inlineRecipe=text)
    with pytest.raises(AccessDenied, match=r"s3:GetObject on resource: arn:aws:s3:::secret/a\.bin"):
        call(denied("s3://secret/*"), context, "GetComponentVersionArtifact", arn=made["arn"], artifactName="a.bin")


def test_a_name_that_is_too_long_is_cut_before_rules_see_it(context: Context) -> None:
    request = packaging_request("x" * 270_000)
    with pytest.raises(AccessDenied) as refused:
        call(denied("x*"), context, "CreateEdgePackagingJob", **request)
    assert len(refused.value.message) < 400
    with pytest.raises(ValidationFault, match="edgePackagingJobName"):
        call(denied("y*"), context, "CreateEdgePackagingJob", **request)
