"""Foreign clients, unmodified: create, poll, describe, list by pages, stop, and what is not there."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import pytest

from conformance.clients.conftest import MANY
from conformance.clients.programs_run import CLIENTS, Program

if TYPE_CHECKING:
    from collections.abc import Mapping

    from acceptance.running import RunningServer

HOUR = 3600.0


@pytest.fixture(params=CLIENTS)
def program(request: pytest.FixtureRequest, programs: Mapping[str, Program]) -> Program:
    """One client's program after its run."""
    return programs[request.param]


@pytest.fixture
def name(program: Program) -> str:
    """What the client's jobs are called."""
    return program.name


@pytest.fixture
def report(program: Program) -> dict[str, Any]:
    """What the client saw."""
    return program.report


def test_a_job_is_created_polled_and_described(report: dict[str, Any], name: str, client_server: RunningServer) -> None:
    created = report["described"].pop("created")
    artifact = f"s3://packages/{name}-1/{name}-1.0.tar.gz"
    assert report["described"] == {"name": f"{name}-1", "status": "COMPLETED", "artifact": artifact}
    assert abs(created - time.time()) < HOUR
    assert client_server.object(artifact).is_file()


def test_the_listing_comes_page_by_page(report: dict[str, Any], name: str) -> None:
    names = [f"{name}-{number}" for number in (1, 2, 3)]
    pages = [names] if name == "sagemaker-core" else [names[:2], names[2:]]
    assert report["pages"] == pages


def test_a_waiting_job_is_stopped(report: dict[str, Any]) -> None:
    assert (report["stopping"], report["stopped"]) == ("STOPPING", "STOPPED")


def test_refusals_are_the_errors_that_the_client_knows(report: dict[str, Any]) -> None:
    assert report["refusals"] == ["ResourceNotFound", "ResourceNotFound", "ResourceInUse"]


def test_tags_given_at_create_are_listed(report: dict[str, Any], name: str) -> None:
    assert report["tags"] == [{"Key": "client", "Value": name}]


def test_sagemaker_core_filters_by_everything(programs: Mapping[str, Program]) -> None:
    filtered = programs["sagemaker-core"].report["filtered"]
    everything = {f"sagemaker-core-{name}" for name in ("1", "2", "3", "stop")}
    found = {
        "creation_time_after, past",
        "creation_time_before, future",
        "last_modified_time_after, past",
        "last_modified_time_before, future",
        "model_name_contains, own",
    }
    assert {query: set(names) for query, names in filtered.items() if names} == dict.fromkeys(found, everything) | {
        "status_equals, STOPPED": {"sagemaker-core-stop"}
    }
    assert len(filtered) == 12


def test_sagemaker_core_sorts_by_everything(programs: Mapping[str, Program]) -> None:
    listed = programs["sagemaker-core"].report["sorted"]
    names = [f"sagemaker-core-{name}" for name in ("1", "2", "3", "stop")]
    assert listed["NAME"] == names[::-1]
    assert listed["CREATION_TIME"] == names[::-1]
    assert listed["STATUS"][0] == "sagemaker-core-stop"
    assert all(sorted(found) == names for found in listed.values())
    assert len(listed) == 5


def test_sagemaker_core_goes_on_behind_the_first_page(programs: Mapping[str, Program]) -> None:
    many = programs["sagemaker-core"].report["many"]
    assert many == [f"many-{number}" for number in reversed(range(MANY))]
