"""Calls of the API as text to copy: for boto3 and for the AWS CLI. Pure.

Whatever a user named is written in ASCII with escapes, so that what is pasted is what is read.
"""

from __future__ import annotations

import json
import re
import shlex
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from edgewright.packaging import SIGNATURE_NAME

if TYPE_CHECKING:
    from collections.abc import Mapping

_CAPITAL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")


@dataclass(frozen=True, slots=True)
class ShownServer:
    """Where calls go.

    Attributes:
        endpoint: such as `http://127.0.0.1:8181`.
        region: such as `eu-west-1`.
    """

    endpoint: str
    region: str


def boto3_call(server: ShownServer, operation: str, request: Mapping[str, Any]) -> str:
    """A Python program of one call."""
    arguments = "".join(f"    {name}={_python(value, 1)},\n" for name, value in request.items())
    return (
        f'import boto3\n\nsagemaker = boto3.client("sagemaker", endpoint_url={_python(server.endpoint)}, '
        f"region_name={_python(server.region)})\n"
        f"print(sagemaker.{_joined(operation, '_')}(\n{arguments}))\n"
    )


def cli_call(server: ShownServer, operation: str, request: Mapping[str, Any]) -> str:
    """One command of the AWS CLI; a shell takes it as it stands."""
    text = json.dumps(request, indent=2).replace("'", "\\u0027")
    return (
        f"aws sagemaker {_joined(operation, '-')} \\\n"
        f"  --endpoint-url {server.endpoint} --region {server.region} \\\n"
        f"  --cli-input-json '{text}'\n"
    )


def verify_commands(server: ShownServer, key_id: str, package: str) -> dict[str, str]:
    """How a downloaded package is verified with the service's public key, by the tool. Each begins where a package is.

    Args:
        server: whose key it is.
        key_id: the key that signed the package, one that the server serves.
        package: the name of the package's file.
    """
    file, folder = shlex.quote(package), shlex.quote(package.removesuffix(".tar.gz"))
    key = f"curl --fail --remote-name {server.endpoint}/keys/{key_id}.pem"
    signature = shlex.quote(f"{package.removesuffix('.tar.gz')}/{SIGNATURE_NAME}")
    return {
        "edgewright": f"{key}\nedgewright verify {file} --public-key {key_id}.pem",
        "OpenSSF model signing": (
            f"{key}\nmkdir {folder} && tar xzf {file} -C {folder}\n"
            f"model_signing verify key {folder} --signature {signature} --public_key {key_id}.pem"
        ),
    }


def deploy_commands(name: str, version: str) -> dict[str, str]:
    """How each Greengrass nucleus deploys an exported component, by the nucleus."""
    return {
        "The nucleus in Java": (
            "sudo /greengrass/v2/bin/greengrass-cli deployment create --recipeDir components/recipes "
            f"--artifactDir components/artifacts --merge {name}={version}"
        ),
        "Nucleus lite": (
            "sudo ggl-cli deploy --recipe-dir $PWD/components/recipes --artifacts-dir $PWD/components/artifacts "
            f"--add-component {name}={version}"
        ),
    }


def _joined(operation: str, joint: str) -> str:
    return _CAPITAL.sub(joint, operation).lower()


def _python(value: Any, depth: int = 0) -> str:
    """A value as Python writes it, in ASCII and with double quotes."""
    indent, outer = "    " * (depth + 1), "    " * depth
    if isinstance(value, dict):
        lines = "".join(f"{indent}{_python(key)}: {_python(item, depth + 1)},\n" for key, item in value.items())
        return f"{{\n{lines}{outer}}}"
    if isinstance(value, list):
        lines = "".join(f"{indent}{_python(item, depth + 1)},\n" for item in value)
        return f"[\n{lines}{outer}]"
    if isinstance(value, str) and all(ord(each) <= 0xFFFF for each in value):
        return json.dumps(value)
    return ascii(value)
