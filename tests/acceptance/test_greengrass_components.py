"""Components out of the service: into a folder, into AWS, and onto a core where another component runs the model."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from acceptance.amazon import Amazon, amazon
from acceptance.conftest import archive
from acceptance.nucleus import DeploymentRefused, Nucleus
from acceptance.running import (
    REGION,
    ROLE,
    RunningServer,
    clean_environment,
    command,
    packaging_request,
    register,
    serving,
    wait_for,
    wait_for_compilation,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parents[2]
BUILD = ROOT / "examples" / "greengrass-inference" / "build.py"
INFERENCE = "com.example.DigitsInference"
CONFIG = '{"ComponentName":"sample-component-name", "ComponentVersion":"1.0.2"}'
"""As AWS's guide has it."""
SAMPLE = ("sample-component-name", "1.0.2")


def run(*arguments: object, code: int = 0, **environment: str) -> str:
    """Run `edgewright`; what it printed, on standard error where it was to fail."""
    done = subprocess.run(
        command(*map(str, arguments)),
        capture_output=True,
        text=True,
        check=False,
        env=clean_environment() | environment,
        timeout=100,
    )
    assert done.returncode == code, done.stderr
    assert "Traceback" not in done.stderr
    return done.stderr if code else done.stdout


def compile_digits(server: RunningServer) -> None:
    """The demo's model, compiled as `digits`."""
    content = (ROOT / "src/edgewright/demo/data/digits.tar.gz").read_bytes()
    client = server.client()
    client.create_compilation_job(
        CompilationJobName="digits",
        RoleArn=ROLE,
        InputConfig={
            "S3Uri": server.put("models", "digits.tar.gz", content),
            "DataInputConfig": '{"image": [1, 1, 8, 8]}',
            "Framework": "ONNX",
        },
        OutputConfig={"S3OutputLocation": "s3://models/compiled", "TargetDevice": "rasp4b"},
        StoppingCondition={"MaxRuntimeInSeconds": 900},
    )
    assert wait_for_compilation(client, "digits")["CompilationJobStatus"] == "COMPLETED"


def packaged(server: RunningServer, name: str, config: str | None = CONFIG) -> dict[str, Any]:
    """A job of this name that has ended, with a preset deployment unless there is no config for it."""
    output = {"S3OutputLocation": f"s3://packages/{name}"}
    if config is not None:
        output |= {"PresetDeploymentType": "GreengrassV2Component", "PresetDeploymentConfig": config}
    server.client().create_edge_packaging_job(**packaging_request(name, "digits", OutputConfig=output))
    job = wait_for(server.client(), name)
    assert job["EdgePackagingJobStatus"] == "COMPLETED"
    return job


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """A server that has compiled the demo's model."""
    with serving(tmp_path_factory.mktemp("service") / "data") as server:
        compile_digits(server)
        yield server


@pytest.fixture(scope="module")
def job(service: RunningServer) -> dict[str, Any]:
    """A job with the configuration of AWS's guide."""
    return packaged(service, "sample")


def place(service: RunningServer) -> tuple[object, ...]:
    return "--data-dir", service.data_dir, "--region", REGION


def below(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


def test_export_holds_the_bytes_of_the_package(service: RunningServer, job: dict[str, Any], tmp_path: Path) -> None:
    printed = run("component", "export", "sample", "--output", tmp_path / "out", *place(service))
    package = tmp_path / "out/artifacts/sample-component-name/1.0.2/digits-1.0.tar.gz"
    recipe = tmp_path / "out/recipes/sample-component-name-1.0.2.json"
    assert below(tmp_path / "out") == {str(path.relative_to(tmp_path / "out")) for path in (package, recipe)}
    assert package.read_bytes() == service.object(job["ModelArtifact"]).read_bytes()
    arn = job["PresetDeploymentOutput"]["Artifact"]
    assert recipe.read_bytes() == service.client("greengrassv2").get_component(arn=arn)["recipe"]
    assert (
        f"sudo greengrass-cli deployment create --recipeDir {tmp_path}/out/recipes "
        f"--artifactDir {tmp_path}/out/artifacts --merge sample-component-name=1.0.2"
    ) in printed
    assert (
        f"sudo ggl-cli deploy --recipe-dir {tmp_path}/out/recipes --artifacts-dir {tmp_path}/out/artifacts "
        "--add-component sample-component-name=1.0.2"
    ) in printed


def test_jobs_and_components_are_named_in_three_ways(
    service: RunningServer, job: dict[str, Any], tmp_path: Path
) -> None:
    arn = job["PresetDeploymentOutput"]["Artifact"]
    for number, named in enumerate([arn, job["EdgePackagingJobArn"]]):
        out = tmp_path / str(number)
        told = json.loads(
            run("component", "export", named, "--output", out, "--data-dir", service.data_dir, "--json")
        )  # fmt: skip
        assert told["arn"] == arn
        assert {told["recipe"], *told["artifacts"]} == {str(out / name) for name in below(out)}
        assert set(told["commands"]) == {"nucleus", "nucleus lite"}


def test_a_package_that_was_changed_is_not_exported(service: RunningServer, tmp_path: Path) -> None:
    changed = packaged(service, "changed", '{"ComponentName": "changed"}')
    path = service.object(changed["ModelArtifact"])
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    said = run("component", "export", "changed", "--output", tmp_path / "out", *place(service), code=1)
    assert "broke off s3://packages/changed/digits-1.0.tar.gz after 0 of" in said
    run("jobs", "verify", "changed", *place(service), code=1)
    assert below(tmp_path) == set()
    path.unlink()
    said = run("component", "export", "changed", "--output", tmp_path / "out", *place(service), code=1)
    assert "is not served: HTTP status 404" in said


def test_jobs_without_a_component_say_why(service: RunningServer, job: dict[str, Any], tmp_path: Path) -> None:
    export = ("component", "export", "--output", tmp_path / "out", *place(service))
    packaged(service, "plain", None)
    assert "has made no component: its OutputConfig has no PresetDeploymentType" in run(*export, "plain", code=1)
    packaged(service, "second")
    said = run(*export, "second", code=1)
    assert "Component [sample-component-name : 1.0.2] for account [123456789012] already exists" in said
    assert "ResourceNotFound" in run(*export, "nobody", code=1)
    arn = job["PresetDeploymentOutput"]["Artifact"].replace("1.0.2", "9.9.9")
    assert "ResourceNotFoundException" in run(*export, arn, code=1)
    assert below(tmp_path) == set()


# --- a consumer on a core ----------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def folder(service: RunningServer, job: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Both components, as a local deployment takes them."""
    path = tmp_path_factory.mktemp("components")
    run("component", "export", job["EdgePackagingJobName"], "--output", path, *place(service))
    key = service.data_dir / "keys" / "signing.pub.pem"
    subprocess.run([sys.executable, BUILD, *SAMPLE, key, path], check=True, capture_output=True)
    return path


@pytest.fixture(params=["nucleus", "nucleus lite"])
def nucleus(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Nucleus]:
    """A core with this interpreter's packages, and without a network to install any from."""
    python = f'#!/bin/sh\nexec "{sys.executable}" "$@"\n'
    prepared = tmp_path / "bin" / "python3"
    prepared.parent.mkdir()
    # A venv of the venv that the tests run in would see neither its packages nor a network.
    prepared.write_text(
        '#!/bin/sh\n[ "$2" = venv ] || exit 9\nmkdir -p "$4/bin"\ncat > "$4/bin/python" <<"END"\n'
        f'#!/bin/sh\n[ "$2" = pip ] && exit 0\n{python.splitlines()[1]}\nEND\nchmod +x "$4/bin/python"\n'
    )
    prepared.chmod(0o755)
    path = f"{prepared.parent}:{clean_environment()['PATH']}"
    running = Nucleus(tmp_path / "greengrass", lite=request.param == "nucleus lite", environment={"PATH": path})
    yield running
    running.stop()


def deployed(nucleus: Nucleus, folder: Path, name: str, version: str) -> subprocess.Popen[str]:
    return nucleus.deploy(folder / "recipes", folder / "artifacts", name, version)


def test_the_consumer_verifies_and_runs_the_model(nucleus: Nucleus, folder: Path) -> None:
    model = deployed(nucleus, folder, *SAMPLE)
    consumer = deployed(nucleus, folder, INFERENCE, "1.0.0")
    assert model.stdout is not None
    assert "Model digits version 1.0 is ready" in model.stdout.readline()
    assert consumer.stdout is not None
    assert consumer.stdout.readline() == "digits 1.0 is as signed\n"
    assert consumer.stdout.readline().startswith("200 samples: 200 right")
    time.sleep(0.2)
    assert (model.poll(), consumer.poll()) == (None, None), "both stay, or lite would stop the one for the other"


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ("*.ort", "'model.ort' is not as signed"),
        ("sagemaker_edge_manifest", "the manifest is not as signed"),
        ("sagemaker_edge_signature", ""),  # the reason depends on where its middle is
    ],
)
def test_the_consumer_refuses_a_model_that_was_tampered_with(
    nucleus: Nucleus, folder: Path, changed: str, why: str
) -> None:
    deployed(nucleus, folder, *SAMPLE)
    (file,) = _appeared(nucleus.work(SAMPLE[0]), changed)
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)
    said, _ = deployed(nucleus, folder, INFERENCE, "1.0.0").communicate(timeout=60)
    assert said.startswith(f"REFUSED: {why}")
    assert "samples" not in said


def test_the_consumer_refuses_a_model_that_somebody_else_signed(nucleus: Nucleus, folder: Path, tmp_path: Path) -> None:
    run("package", ROOT / "src/edgewright/demo/data/digits.tar.gz", "--model-name", "digits", "--model-version", "1.0",
        "--output", tmp_path, "--data-dir", tmp_path / "theirs")  # fmt: skip
    theirs = shutil.copytree(folder, tmp_path / "components")
    shutil.copy(tmp_path / "digits-1.0.tar.gz", theirs / "artifacts" / "/".join(SAMPLE))
    if nucleus.lite:
        deployed(nucleus, theirs, *SAMPLE)
        said, _ = deployed(nucleus, theirs, INFERENCE, "1.0.0").communicate(timeout=60)
        assert re.fullmatch(r"REFUSED: no trusted key is '[0-9a-f]{64}'\n", said)
    else:
        with pytest.raises(DeploymentRefused, match="is not of the recipe's digest"):
            deployed(nucleus, theirs, *SAMPLE)


def test_the_consumers_recipe_is_one_that_cores_take(folder: Path) -> None:
    from edgewright.greengrass.rules import check_recipe

    text = (folder / "recipes" / f"{INFERENCE}-1.0.0.json").read_text()
    assert check_recipe(json.loads(text)) == []
    assert json.loads(text)["ComponentDependencies"] == {
        SAMPLE[0]: {"VersionRequirement": ">=1.0.2", "DependencyType": "HARD"}
    }


def _appeared(folder: Path, pattern: str) -> list[Path]:
    until = time.monotonic() + 30
    while not (found := list(folder.glob(pattern))) and time.monotonic() < until:
        time.sleep(0.05)
    return found


# --- AWS ---------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Amazon]:
    """What stands where AWS would."""
    with amazon(tmp_path_factory.mktemp("aws") / "data") as running:
        yield running


@pytest.fixture(scope="module")
def cloud(aws: Amazon, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The environment of somebody with an AWS profile called `production`."""
    return aws.write_profile(tmp_path_factory.mktemp("profile"))


def test_publishing_makes_the_same_component_on_aws(
    service: RunningServer, job: dict[str, Any], aws: Amazon, cloud: dict[str, str]
) -> None:
    publish = ("component", "publish", "sample", "--bucket", "my-components", "--prefix", "edge", "--profile",
               "production", *place(service), "--json")  # fmt: skip
    first, again = (json.loads(run(*publish, code=0, **cloud)) for _ in range(2))
    assert (first["new"], again["new"]) == (True, False)
    assert first["arn"] == again["arn"]
    there = json.loads(aws.greengrass.get_component(arn=first["arn"])["recipe"])
    (uri,) = {entry["Uri"] for manifest in there["Manifests"] for entry in manifest["Artifacts"]}
    assert [uri] == first["artifacts"]
    assert aws.object(uri) == service.object(job["ModelArtifact"]).read_bytes()
    here = json.loads(service.client("greengrassv2").get_component(arn=first["arn"])["recipe"])
    assert json.loads(json.dumps(there).replace(uri, _uri(here))) == here


def test_a_version_that_aws_has_otherwise_is_a_clear_error(
    service: RunningServer, aws: Amazon, cloud: dict[str, str]
) -> None:
    packaged(service, "other", '{"ComponentName": "taken", "ComponentVersion": "1.0.0"}')
    aws.greengrass.create_component_version(inlineRecipe=_recipe_called("taken"))
    said = run("component", "publish", "other", "--bucket", "my-components", "--profile", "production",
               *place(service), code=1, **cloud)  # fmt: skip
    assert "components:taken:versions:1.0.0 exists with other artifacts" in said
    assert "higher ComponentVersion" in said


def test_publishing_back_into_the_same_service_is_refused(service: RunningServer, cloud: dict[str, str]) -> None:
    said = run("component", "publish", "sample", "--bucket", "my-components", "--profile", "production",
               *place(service), code=3, **cloud, AWS_ENDPOINT_URL_GREENGRASSV2=service.url)  # fmt: skip
    assert "which is where the component comes from" in said


def test_with_a_setting_every_component_is_published(tmp_path: Path, aws: Amazon, cloud: dict[str, str]) -> None:
    settings = {
        "GREENGRASS": "aws",
        "AWS__BUCKET": "my-components",
        "AWS__PREFIX": "auto",
        "AWS__PROFILE": "production",
    }
    environment = cloud | {f"EDGEWRIGHT_{name}": value for name, value in settings.items()}
    with serving(tmp_path / "data", environment=environment) as server:
        compile_digits(server)
        first = packaged(server, "first", '{"ComponentName": "auto"}')
        arn = first["PresetDeploymentOutput"]["Artifact"]
        for greengrass in (aws.greengrass, server.client("greengrassv2")):
            assert greengrass.describe_component(arn=arn)["componentName"] == "auto"
        uri = _uri(json.loads(aws.greengrass.get_component(arn=arn)["recipe"]))
        assert uri.startswith("s3://my-components/auto/auto/1.0.0/")
        assert aws.object(uri) == server.object(first["ModelArtifact"]).read_bytes()
        aws.greengrass.create_component_version(inlineRecipe=_recipe_called("theirs"))
        second = packaged(server, "second", '{"ComponentName": "theirs"}')
        assert second["PresetDeploymentOutput"]["Status"] == "FAILED"
        assert "exists with other artifacts" in second["PresetDeploymentOutput"]["StatusMessage"]


@pytest.fixture(scope="module")
def unpublished(service: RunningServer) -> str:
    """A job whose component AWS has never seen."""
    packaged(service, "unpublished", "{}")
    return "unpublished"


@pytest.mark.parametrize(
    ("flags", "code", "words"),
    [
        (["--bucket", "my.components", "--profile", "production"], 1, "without dots"),
        (["--bucket", "my-components", "--prefix", "a b", "--profile", "production"], 1, "cannot fetch"),
        (["--bucket", "nobodys", "--profile", "production"], 1, "NoSuchBucket"),
        (["--bucket", "my-components", "--profile", "nobody"], 3, "nobody"),
    ],
)
def test_what_stands_in_the_way_is_named(
    service: RunningServer, unpublished: str, cloud: dict[str, str], flags: list[str], code: int, words: str
) -> None:
    said = run("component", "publish", unpublished, *flags, *place(service), code=code, **cloud)
    assert words in said


def _recipe_called(name: str) -> bytes:
    """A recipe of somebody else's, without artifacts."""
    platform = {"os": "*", "architecture": "*", "runtime": "*"}
    manifest = {"Platform": platform, "Lifecycle": {"run": {"Script": "exec sleep infinity"}}}
    whole = {"RecipeFormatVersion": "2020-01-25", "ComponentName": name, "ComponentVersion": "1.0.0"}
    return json.dumps(whole | {"Manifests": [manifest]}).encode()


def _uri(recipe: dict[str, Any]) -> str:
    uri: str = recipe["Manifests"][0]["Artifacts"][0]["Uri"]
    return uri


# --- a script for Edge Manager -----------------------------------------------------------------------------------

JQ = """#!{python}
import functools, json, sys
print(functools.reduce(dict.get, sys.argv[2].strip(".").split("."), json.load(sys.stdin)))
"""


def test_a_script_with_the_aws_cli_and_jq_works_unchanged(tmp_path: Path) -> None:
    if shutil.which("jq") is None:  # the script uses of it what these lines do
        (tmp_path / "jq").write_text(JQ.format(python=sys.executable))
        (tmp_path / "jq").chmod(0o755)
    script = ROOT / "tests" / "conformance" / "clients" / "programs" / "component.sh"
    with serving(tmp_path / "data") as server:
        register(server, "compiled", server.put("models", "model.tar.gz", archive({"model.so": b"code"})))
        key_id, secret = server.keys
        environment = clean_environment() | {
            "AWS_ENDPOINT_URL_SAGEMAKER": server.url,
            "AWS_ENDPOINT_URL_GREENGRASSV2": server.url,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_ACCESS_KEY_ID": key_id,
            "AWS_SECRET_ACCESS_KEY": secret,
        }
        environment["PATH"] = f"{Path(sys.executable).parent}:{environment['PATH']}:{tmp_path}"
        done = subprocess.run(
            ["bash", script, "compiled", ROLE],
            env=environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=100,
        )
    assert done.stdout.split() == [
        "1.0.2",
        f"arn:aws:greengrass:{REGION}:123456789012:components:sample-component-name:versions:1.0.2",
        "ResourceNotFoundException",
    ], done.stderr
