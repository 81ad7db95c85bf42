"""What examples/deploy names exists in the program: settings, commands, ports, pages; and its figures fit together."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from pydantic import BaseModel
from typer.main import get_command

from edgewright.cli import app
from edgewright.settings import Settings, load
from edgewright.worker import ENDING_SECONDS

if TYPE_CHECKING:
    from collections.abc import Iterator

DEPLOY = Path(__file__).parents[2] / "examples" / "deploy"
GIVEN = {
    "POSTGRES_PASSWORD": "a-password",
    "EDGEWRIGHT_ACCESS_KEY_ID": "AKIAEXAMPLEEXAMPLE01",
    "EDGEWRIGHT_SECRET_ACCESS_KEY": "a-secret",
}


def documents() -> list[dict[str, Any]]:
    """Every manifest for Kubernetes."""
    return [
        document
        for path in sorted((DEPLOY / "k8s").glob("*.yaml"))
        for document in yaml.safe_load_all(path.read_text())
    ]


def of_kind(kind: str) -> dict[str, dict[str, Any]]:
    return {document["metadata"]["name"]: document for document in documents() if document["kind"] == kind}


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load((DEPLOY / "compose.yaml").read_text())
    return loaded


def known_variables(model: type[BaseModel] = Settings, above: str = "EDGEWRIGHT_") -> Iterator[str]:
    for name, field in model.model_fields.items():
        kind = field.annotation
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            yield from known_variables(kind, f"{above}{name.upper()}__")
        else:
            yield f"{above}{name.upper()}"


def resolved(environment: dict[str, str | None]) -> dict[str, str]:
    """A service's variables as compose would set them, with `GIVEN` in the shell."""

    def given(match: re.Match[str]) -> str:
        return GIVEN[match[1]]

    return {
        name: re.sub(r"\$\{(\w+)(?::\?[^}]*)?\}", given, value)
        for name, value in environment.items()
        if value is not None
    }


def settings_of(environment: dict[str, str], monkeypatch: pytest.MonkeyPatch, folder: Path) -> Settings:
    monkeypatch.chdir(folder)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    return load()


def check_command(arguments: list[str]) -> None:
    """The command and its options are the program's."""
    name, *options = arguments
    command = get_command(app).commands[name]  # type: ignore[attr-defined]
    known = {option for parameter in command.params for option in (*parameter.opts, *parameter.secondary_opts)}
    assert {option for option in options if option.startswith("--")} <= known


def seconds(text: str) -> float:
    assert text.endswith("s")
    return float(text[:-1])


@pytest.mark.parametrize("service", ["api", "worker"])
def test_composes_settings_are_the_programs(
    compose: dict[str, Any], service: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    environment = compose["services"][service]["environment"]
    assert set(environment) <= set(known_variables())
    settings = settings_of(resolved(environment), monkeypatch, tmp_path)
    assert settings.object_store == "s3"
    assert settings.database_url == "postgresql://edgewright:a-password@database/edgewright"


def test_composes_commands_ports_and_times_fit(compose: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    services = compose["services"]
    for name in ("api", "worker"):
        check_command(services[name]["command"])
    assert services["api"]["ports"] == [f"127.0.0.1:8181:{Settings.model_fields['port'].default}"]
    assert "/health/ready" in services["api"]["healthcheck"]["test"][-1]
    grace = float(services["worker"]["environment"]["EDGEWRIGHT_WORKER__GRACE_SECONDS"])
    assert seconds(services["worker"]["stop_grace_period"]) > grace + ENDING_SECONDS
    assert seconds(services["api"]["stop_grace_period"]) > Settings.model_fields["shutdown_seconds"].default


def test_composes_pools_fit_into_its_database(
    compose: dict[str, Any], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    services = compose["services"]
    settings = settings_of(resolved(services["worker"]["environment"]), monkeypatch, tmp_path)
    workers = services["worker"]["deploy"]["replicas"]
    most = int(next(part for part in services["database"]["command"] if "max_connections" in part).split("=")[1])
    # As docs/how-to/scale-out.md has it; two processes of each kind may be starting.
    server = settings.database_pool + settings.engine_pool
    worker = settings.database_pool + 2 * settings.engine_pool + settings.worker_concurrency
    assert (server, worker) == (12, 18)
    assert server + workers * worker + 2 * (1 + workers) <= most - 3


def test_composes_volumes_are_declared(compose: dict[str, Any]) -> None:
    used = {volume.split(":")[0] for service in compose["services"].values() for volume in service["volumes"]}
    assert used == set(compose["volumes"])


def test_every_manifest_is_in_the_kustomization() -> None:
    listed = yaml.safe_load((DEPLOY / "k8s/kustomization.yaml").read_text())["resources"]
    assert sorted(listed) == sorted({path.name for path in (DEPLOY / "k8s").glob("*.yaml")} - {"kustomization.yaml"})


def test_kubernetes_settings_are_the_programs(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    environment = {**of_kind("ConfigMap")["edgewright-settings"]["data"]}
    environment |= of_kind("Secret")["edgewright-secrets"]["stringData"]
    assert set(environment) <= set(known_variables())
    settings = settings_of(environment, monkeypatch, tmp_path)
    assert settings.database_url is not None
    pods = {name: deployment["spec"]["template"]["spec"] for name, deployment in of_kind("Deployment").items()}
    assert pods["edgewright-worker"]["terminationGracePeriodSeconds"] > settings.worker.grace_seconds + ENDING_SECONDS
    assert pods["edgewright-api"]["terminationGracePeriodSeconds"] > settings.shutdown_seconds + 5
    startup = pods["edgewright-api"]["containers"][0]["startupProbe"]
    assert startup["periodSeconds"] * startup["failureThreshold"] > settings.database_wait_seconds


@pytest.mark.parametrize("name", ["edgewright-api", "edgewright-worker"])
def test_a_deployment_holds_together(name: str) -> None:
    deployment = of_kind("Deployment")[name]["spec"]
    labels = deployment["template"]["metadata"]["labels"]
    assert deployment["selector"]["matchLabels"] == labels
    assert of_kind("PodDisruptionBudget")[name]["spec"]["selector"]["matchLabels"] == labels
    pod = deployment["template"]["spec"]
    linked = {f"{service.upper()}_PORT" for service in of_kind("Service")}
    assert linked & set(known_variables())  # a variable that Kubernetes sets in each pod, unless that is switched off
    assert pod["enableServiceLinks"] is False
    secrets, maps = of_kind("Secret"), of_kind("ConfigMap")
    volumes = {volume["name"] for volume in pod["volumes"]}
    for volume in pod["volumes"]:
        assert volume.get("secret", {}).get("secretName", "edgewright-secrets") in secrets
    for container in (*pod["initContainers"], *pod["containers"]):
        assert {mount["name"] for mount in container["volumeMounts"]} <= volumes
        assert container["securityContext"]["readOnlyRootFilesystem"]
        assert container["image"] == "edgewright"
    (container,) = pod["containers"]
    check_command(container["args"])
    for source in container["envFrom"]:
        assert source.get("configMapRef", {}).get("name", "edgewright-settings") in maps
        assert source.get("secretRef", {}).get("name", "edgewright-secrets") in secrets


def test_the_service_and_its_probes_reach_the_server() -> None:
    deployment = of_kind("Deployment")["edgewright-api"]["spec"]["template"]
    (container,) = deployment["spec"]["containers"]
    ports = {port["name"]: port["containerPort"] for port in container["ports"]}
    assert ports == {"http": Settings.model_fields["port"].default}
    service = of_kind("Service")["edgewright"]["spec"]
    assert service["selector"].items() <= deployment["metadata"]["labels"].items()
    assert [port["targetPort"] for port in service["ports"]] == ["http"]
    probes = [container[f"{kind}Probe"]["httpGet"] for kind in ("startup", "liveness", "readiness")]
    assert [probe["path"] for probe in probes] == ["/health/live", "/health/live", "/health/ready"]
    assert {probe["port"] for probe in probes} == {"http"}


def test_the_image_is_made_of_what_is_there() -> None:
    text = (DEPLOY / "Dockerfile").read_text()
    copied = [part for line in re.findall(r"^COPY (?!--from)(.+)$", text, re.MULTILINE) for part in line.split()[:-1]]
    ignored = (DEPLOY / "Dockerfile.dockerignore").read_text().split("\n")
    root = DEPLOY.parents[1]
    assert copied
    for name in copied:
        assert (root / name).exists()
        assert f"!{name}" in ignored
    command = re.search(r"^CMD (\[.*\])$", text, re.MULTILINE)
    assert command is not None
    check_command(yaml.safe_load(command[1]))
    assert f"EXPOSE {Settings.model_fields['port'].default}" in text
    assert "EDGEWRIGHT_DATA_DIR=/var/lib/edgewright" in text
    assert "USER 10001" in text
