from __future__ import annotations

import ast
import json
import shlex
from typing import Any

import pytest

from edgewright.console.snippets import ShownServer, boto3_call, cli_call, deploy_commands, verify_commands

SERVER = ShownServer("http://127.0.0.1:8181", "eu-west-1")
HOSTILE = 'it\'s "$(rm -rf /)" `id` \\ \u202e \u2028 é 🙂 \n </script>'
REQUESTS: list[dict[str, Any]] = [
    {"EdgePackagingJobName": "a"},
    {"OutputConfig": {"S3OutputLocation": HOSTILE, "Tags": [HOSTILE, 1, None, True]}, "Name": HOSTILE},
]


def test_the_lines_that_verify_a_package_name_it_in_one_word() -> None:
    commands = verify_commands(SERVER, "0" * 64, "my model-1.0 beta.tar.gz")
    fetch, verify = commands["edgewright"].splitlines()
    assert shlex.split(fetch) == ["curl", "--fail", "--remote-name", f"{SERVER.endpoint}/keys/{'0' * 64}.pem"]
    assert shlex.split(verify)[2:] == ["my model-1.0 beta.tar.gz", "--public-key", f"{'0' * 64}.pem"]
    unpack, check = commands["OpenSSF model signing"].splitlines()[1:]
    folder = "my model-1.0 beta"
    assert shlex.split(unpack) == ["mkdir", folder, "&&", "tar", "xzf", "my model-1.0 beta.tar.gz", "-C", folder]
    assert shlex.split(check)[3:6] == [folder, "--signature", f"{folder}/sagemaker_edge_signature"]


@pytest.mark.parametrize("request_", REQUESTS)
def test_the_cli_takes_the_call_as_it_was(request_: dict[str, Any]) -> None:
    text = cli_call(SERVER, "CreateEdgePackagingJob", request_)
    assert text.isascii()
    words = shlex.split(text)
    assert words[:3] == ["aws", "sagemaker", "create-edge-packaging-job"]
    assert words[words.index("--endpoint-url") + 1] == SERVER.endpoint
    assert json.loads(words[words.index("--cli-input-json") + 1]) == request_


@pytest.mark.parametrize("request_", REQUESTS)
def test_python_takes_the_call_as_it_was(request_: dict[str, Any]) -> None:
    text = boto3_call(SERVER, "DescribeCompilationJob", request_)
    assert text.isascii()
    call = next(
        node
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr != "client"
    )
    assert isinstance(call.func, ast.Attribute)
    assert call.func.attr == "describe_compilation_job"
    assert {each.arg: ast.literal_eval(each.value) for each in call.keywords} == request_


def test_both_nuclei_deploy() -> None:
    java, lite = deploy_commands("com.example.Digits", "1.0.2").values()
    assert java.endswith("--merge com.example.Digits=1.0.2")
    assert lite.endswith("--add-component com.example.Digits=1.0.2")
