"""What the service models cannot say: notes on operations, members and errors for the API reference."""

from __future__ import annotations

from collections.abc import Mapping

INTRODUCTION = """\
# API reference

<!-- Written by scripts/api_reference.py from the service model: change that, not this. -->

The operations of Amazon SageMaker's API that edgewright answers, as the service model in the AWS SDKs has them. Every
constraint below is checked, and all faults of a request come in one `ValidationException`. Names in lists are written
`Tags[].Key`.

Two marks tell a fact from a choice. **[S]** is a fact: it was read in the service model, in AWS's documentation, in an
SDK's source or in a recorded answer of AWS. **[D]** is a decision of this project where nothing public answers; the
[decision records](../decisions/README.md) give the reasons. Types, required members, constraints and modelled errors
are [S] throughout.

## The protocol

- [S] AWS JSON 1.1: `POST /` with `X-Amz-Target: SageMaker.<Operation>`, `Content-Type: application/x-amz-json-1.1` and
  a Signature Version 4 for the service `sagemaker`, in the `Authorization` header or pre-signed in the query.
- [S] Members that do not apply are left out, never null. A request's null is the same as an absent member, and members
  that the model does not know are passed over. What a request gave is echoed as it was given.
- [S] Times are seconds since the epoch; `CreationTime` has milliseconds, the others are whole. [D] `LastModifiedTime`
  has milliseconds, too: it is never before `CreationTime`.
- [S] Where there is no response below, the answer is 200 with an empty body.
- [S] An error's body is `{"__type": "<code>", "message": "<text>"}`, its code is also in the header `x-amzn-ErrorType`.
  [D] The text comes as `Message` too, since some modelled errors spell it so.
- [S] The region is the one in the caller's credential scope; the account belongs to the access key. [D] Any name of
  lower-case letters, digits and hyphens is a region.
- [D] The constraints of responses are shown as the model has them and not enforced: its pattern for the ARN of a
  packaging job, for one, has no digits in the region.
- [D] An operation of the service model that is not on this page answers `UnknownOperationException`.
- [D] A request that is not well-formed HTTP/1.1, has no Host or several, or asks too much of its connection is answered
  in the same form before anything else is looked at: `MalformedHttpRequestException` (400), `RequestTimeoutException`
  (408), `RequestEntityTooLargeException` (431) or `ServiceUnavailable` (503). The connection is then closed.
"""

GREENGRASS = """\
# Greengrass API reference

<!-- Written by scripts/api_reference.py from the service model: change that, not this. -->

The operations of AWS IoT Greengrass V2's API that edgewright answers, on the same port and with the same access keys as
[SageMaker's](api.md): enough that the component an edge packaging job makes is described, fetched, listed, tagged and
deleted by the clients that did so at AWS. The marks **[S]** and **[D]** mean what they mean there.

## The protocol

- [S] REST-JSON: method and path name the operation, members are in the path, the query or a JSON body, and the
  request has a Signature Version 4 for the service `greengrass`.
- [S] Times are seconds since the epoch, recipes are base64 in the JSON body; SDKs turn both into their own types.
- [S] An error's code is in the header `x-amzn-ErrorType`, the members of its shape are in the body; `message` is one.
- [S] Statuses are REST's: 404 for what is not there, 409 for what is there already. [D] Signatures and access keys that
  are refused are 403, as other services that speak REST were seen to answer.
- [D] A component belongs to the account of the access key and to the region of the signature; those of others do not
  exist. There are no public components.
- [D] Rules of access keys name `greengrass:<Operation>`, and components by name. What is about no one component, such
  as ListComponents, is about `*`.
- [D] An operation of the service model that is not on this page answers `UnknownOperationException`: core devices and
  deployments are AWS's, or those of a core's own command line.
"""

ERROR_NOTES: Mapping[str, str] = {
    "ResourceNotFoundException": "[S] No such component in the caller's account and region.",
    "ConflictException": "[S] The component has this version already.",
    "InternalServerException": "[S] Anything else; the server's log says what.",
    "ServiceQuotaExceededException": "[S] The account has as many as it may have.",
    "ValidationException": "[S] A constraint is not met, or a rule below; where the model does not declare it, SDKs "
    "raise their general client error.",
    "SerializationException": "[S] Not JSON, or another JSON type than the model's.",
    "UnknownOperationException": "[S] No such operation. [D] Also one that is not implemented yet.",
    "RequestEntityTooLargeException": "[S] The body is over the limit. [D] The limit is the setting `body_limit`.",
    "RequestTimeoutException": "[D] The request did not come whole in time.",
    "ThrottlingException": "[S] Too many requests; SDKs try again.",
    "MissingAuthenticationTokenException": "[S] Not signed.",
    "IncompleteSignatureException": "[S] The signature lacks a part, or cannot be read.",
    "InvalidSignatureException": "[S] The signature does not match, is more than 5 minutes off or expired, is scoped "
    "wrongly, or leaves out what must be signed.",
    "UnrecognizedClientException": "[S] Nobody has this access key or session token.",
    "AccessDeniedException": "[S] The caller may not do this.",
    "ResourceNotFound": "[S] No such resource in the caller's account and region.",
    "ResourceInUse": "[S] The name is taken.",
    "ResourceLimitExceeded": "[S] The account has as many as it may have.",
    "ServiceUnavailable": "[S] Something that the service needs cannot be reached; SDKs try again.",
    "InternalFailure": "[S] Anything else; the server's log says what.",
}

ALSO_GIVEN: Mapping[str, tuple[str, ...]] = {
    "CreateEdgePackagingJob": ("ResourceInUse",),
    "StopEdgePackagingJob": ("ResourceNotFound",),
    "AddTags": ("ResourceNotFound",),
    "ListTags": ("ResourceNotFound",),
    "DeleteTags": ("ResourceNotFound",),
}
"""Errors that the model does not declare for an operation, and that it gives all the same."""

LISTING = (
    "[S] The filters combine: a job is listed if it meets all of them.",
    (
        "[D] Without `SortBy` and `SortOrder` the newest come first, and a page holds 100 without `MaxResults`. Ties "
        "are broken by name, so that paging neither skips nor repeats a job."
    ),
    "[D] `NextToken` is bound to the query that it came with. Another one is a `ValidationException`.",
)

KMS_KEY = (
    "[S] `OutputConfig.KmsKeyId` is a key id, a key ARN, `alias/NAME` or an alias ARN. [D] In the data folder it names "
    "a key of the local keyring; one that is unknown, disabled, or of another account or region is refused at create. "
    "With S3, AWS's KMS says so when the job runs. An empty one is none."
)

NOTES: Mapping[str, tuple[str, ...]] = {
    "CreateEdgePackagingJob": (
        "[D] The same request twice is refused as any other taken name is: the API has no client token.",
        "[D] The compilation job must be COMPLETED when the packaging job is created.",
        "[D] What cannot be honoured is refused at once, never ignored; the message names the member.",
        KMS_KEY,
        (
            "[S] `ResourceKey` encrypts the volume on which a job runs. [D] It is taken and echoed: packages are "
            "streamed from object to object, no volume or spool holds any of the model, and no setting makes one."
        ),
        (
            "[S] The package is written to `S3OutputLocation`, without its trailing slash, + "
            "`/<ModelName>-<ModelVersion>.tar.gz`. It is the one object that a job writes."
        ),
        (
            "[S] A fault that only the model's bytes can show fails the job, with a status message that begins with "
            "`ClientError:` or `InternalServerError:`."
        ),
        (
            "[S] `PresetDeploymentConfig` is a JSON object with the keys `ComponentName`, `ComponentDescription`, "
            "`ComponentVersion`, `PlatformOS` and `PlatformArchitecture`, all optional; the last two go together. "
            "[S] Without a name the component is called `SagemakerEdgeManager<EdgePackagingJobName>`; [D] without a "
            "version it is 1.0.0."
        ),
        (
            "[S] A package that is at the same place is written over. [D] The later job's message, its event and "
            "the page of the earlier one say so; `edgewright jobs verify` accepts no other job's package."
        ),
        ("[D] An artifact that is not the one that the compilation job recorded fails the job."),
        (
            "[D] With a `PresetDeploymentType`, `ModelVersion` may have no spaces and the bucket no dots: Greengrass "
            "cores could not fetch the package."
        ),
    ),
    "DescribeEdgePackagingJob": (
        "[D] `EdgePackagingJobStatusMessage` and `RoleArn` are always there: early clients read them unasked.",
        "[D] `ModelArtifact` and `ModelSignature` are there once the job is COMPLETED.",
        (
            "[S] The job's status and that of `PresetDeploymentOutput` are independent: the job is COMPLETED where its "
            "component failed, for example because the version is there already. [D] The member is there once the job "
            "is COMPLETED; its `Artifact`, the component version's ARN, once the component is."
        ),
    ),
    "ListEdgePackagingJobs": LISTING,
    "StopEdgePackagingJob": (
        "[S] Stopping is asynchronous: the job is STOPPING at once, and STOPPED when its worker has let go of it.",
        (
            "[D] A job that is STOPPING or STOPPED is left as it is; one that is COMPLETED or FAILED is refused with a "
            "`ValidationException`."
        ),
    ),
    "CreateCompilationJob": (
        (
            "[S] The artifact is written to `S3OutputLocation`, without its trailing slash, + "
            "`/<stem>-<target>.tar.gz`: the stem of the input's name, and `TargetDevice` or "
            "`<Os>_<Arch>[_<Accelerator>]`. An object that is there is written over; [D] the page of either job and "
            "the event of the later one say so."
        ),
        "[D] What cannot be honoured, and what no backend compiles, is refused at once; the message names it.",
        KMS_KEY,
    ),
    "DescribeCompilationJob": (
        "[S] `FailureReason` and `ModelArtifacts` are required in the response: they are empty until they apply.",
        (
            "[S] `ModelDigests.ArtifactDigest` is that of the object written: SHA-256, in hexadecimal [D]. A packaging "
            "job packages no other bytes, whatever is at the place by then."
        ),
    ),
    "ListCompilationJobs": LISTING,
    "StopCompilationJob": (
        "[S] Stopping is asynchronous, as for packaging jobs.",
        (
            "[D] A job that is STOPPING or STOPPED is left as it is; one that is COMPLETED or FAILED is refused with a "
            "`ValidationException`."
        ),
    ),
    "DeleteCompilationJob": (
        "[S] Only a job that has ended can be deleted. Its artifact stays where it is.",
        "[D] Deleting one that has not ended is a `ValidationException`.",
    ),
    "AddTags": (
        (
            "[S] A key that the resource has already gets the new value. A resource has 50 tags at most; keys that "
            "begin with `aws:` are reserved."
        ),
        "[D] The response holds all tags of the resource.",
    ),
    "ListTags": ("[D] Tags come in the order of their keys, 50 to a page without `MaxResults`.",),
    "DeleteTags": ("[D] A key that the resource does not have is passed over.",),
    "CreateComponentVersion": (
        "[S] The recipe is JSON or YAML. The same name and version always mean the same bytes: a second is refused.",
        (
            "[S] Each artifact is fetched, and its digest is put into the recipe. Those that cannot be read are named "
            "in one `ValidationException`: `Invalid Input: Encountered following errors in Artifacts: {...}`."
        ),
        (
            "[D] A recipe that AWS's cloud or every core would refuse is refused. One that only Greengrass nucleus "
            "lite refuses is taken, as AWS takes it."
        ),
        (
            "[D] Keys that differ only in case are refused at every level, and so are YAML tags, aliases and merges "
            "(`<<`)."
        ),
        "[D] The component is DEPLOYABLE at once: the answer comes when its artifacts have been read.",
        "[D] Components of Lambda functions are refused, never ignored.",
        (
            "[S] A request that comes again with its `clientToken` within eight hours gets the first answer. [D] With "
            "another recipe or other tags the token is a `ConflictException`."
        ),
    ),
    "DescribeComponent": ("[D] Platforms have their manifest's name, or one made of their attributes.",),
    "GetComponent": ("[D] The recipe comes in JSON unless YAML is asked for, whatever it was given in.",),
    "ListComponents": (
        "[S] `latestVersion` is the highest by semantic versioning. [D] Components come in the order of their names.",
        "[D] With the scope PUBLIC the list is empty.",
        "[D] `nextToken` is bound to the query that it came with. Another one is a `ValidationException`.",
    ),
    "ListComponentVersions": (
        "[D] The highest version comes first.",
        "[D] `nextToken` is bound to the query that it came with. Another one is a `ValidationException`.",
    ),
    "GetComponentVersionArtifact": (
        (
            "[S] `artifactName` is what follows `s3://` in the artifact's URI. [D] The file's name alone does "
            "too, where no other artifact has it."
        ),
        (
            "[D] The address holds for 15 minutes. With the object store `s3` it is a pre-signed address of S3, with "
            "`directory` one of this server, at the host that the caller's request named."
        ),
        (
            "[D] No address is made where a job has written other bytes over the artifact: the `ValidationException` "
            "names it. One of this server breaks off before the end of an object whose SHA-256 is not the recipe's."
        ),
        "[S] `s3EndpointType` makes a difference in us-east-1 of AWS alone. [D] `iotEndpointType` `fips` is refused.",
    ),
    "DeleteComponent": (
        "[S] The artifacts stay in the object store.",
        "[D] The version may be made anew; cores that have the old one would not notice.",
    ),
    "TagResource": (
        "[S] At most 50 tags; keys that begin with `aws:` are refused. [D] Versions have tags, components none.",
    ),
    "UntagResource": ("[D] A key that the version does not have is passed over.",),
    "ListTagsForResource": ("[D] `tags` is left out where there are none.",),
}
