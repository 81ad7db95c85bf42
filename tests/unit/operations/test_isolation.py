"""Whatever callers of several accounts and regions do, each sees its own jobs and nothing else."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from edgewright.errors import CallerError, ResourceInUse, ResourceNotFound
from edgewright.jobs import JobKey, Kind, Status
from edgewright.operations import OPERATIONS, Caller, Context
from edgewright.persistence import Persistence
from edgewright.roles import ServiceRole
from memory_store import MemoryStore
from migrated import beside, open_migrated
from unit.operations.conftest import NOW, compilation, packaging_request

CALLERS = [Caller(account, region) for account in ("1" * 12, "2" * 12) for region in ("eu-west-1", "us-east-1")]
NAMES = ["a", "b", "A", "a-b"]

callers = st.sampled_from(CALLERS)
names = st.sampled_from(NAMES)
tag_values = st.sampled_from(["x", "y"])


class Tenants(RuleBasedStateMachine):
    """The service beside a model of it: a dictionary of jobs and tags for each caller."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.engine = open_migrated(Path(self.folder.name) / "jobs.sqlite")
        self.jobs = Persistence.on(self.engine, lambda: NOW).jobs
        self.objects = MemoryStore()
        self.mine: dict[Caller, dict[str, tuple[str, dict[str, str]]]] = {caller: {} for caller in CALLERS}
        for caller in CALLERS:
            key = JobKey(Kind.COMPILATION, caller.account, caller.region, "compiled")
            self.jobs.insert(compilation("compiled", key=key), {})

    def teardown(self) -> None:
        self.engine.dispose()
        self.folder.cleanup()

    def call(self, caller: Caller, operation: str, **request: Any) -> Any:
        context = Context(
            caller=caller,
            jobs=self.jobs,
            components=beside(self.jobs).components,
            objects=self.objects,
            link=lambda uri, *_: str(uri),
            roles=ServiceRole(self.objects),
            enqueue=lambda _: None,
            now=lambda: NOW,
            token_key=b"k" * 32,
            unfinished_jobs=100,
            component_buckets=None,
            authorize=lambda _: None,
        )
        return OPERATIONS[operation](context, request)

    @rule(caller=callers, name=names)
    def create(self, caller: Caller, name: str) -> None:
        request = packaging_request(name, RoleArn=f"arn:aws:iam::{caller.account}:role/edge")
        try:
            self.call(caller, "CreateEdgePackagingJob", **request)
        except ResourceInUse:
            assert name in self.mine[caller]
        else:
            assert name not in self.mine[caller]
            self.mine[caller][name] = ("STARTING", {})

    @rule(caller=callers, name=names)
    def stop(self, caller: Caller, name: str) -> None:
        try:
            self.call(caller, "StopEdgePackagingJob", EdgePackagingJobName=name)
        except ResourceNotFound:
            assert name not in self.mine[caller]
        else:
            self.mine[caller][name] = ("STOPPING", self.mine[caller][name][1])

    @precondition(lambda self: any(self.mine.values()))
    @rule(owner=callers, caller=callers, name=names, value=tag_values)
    def tag(self, owner: Caller, caller: Caller, name: str, value: str) -> None:
        arn = JobKey(Kind.PACKAGING, owner.account, owner.region, name).arn
        try:
            self.call(caller, "AddTags", ResourceArn=arn, Tags=[{"Key": "k", "Value": value}])
        except ResourceNotFound:
            assert caller != owner or name not in self.mine[caller]
        else:
            assert caller == owner
            self.mine[owner][name][1]["k"] = value

    @rule(caller=callers, name=names, thief=callers)
    def a_token_of_another_opens_nothing(self, caller: Caller, name: str, thief: Caller) -> None:
        first = self.call(caller, "ListEdgePackagingJobs", MaxResults=1)
        if "NextToken" in first and thief != caller:
            try:
                self.call(thief, "ListEdgePackagingJobs", MaxResults=1, NextToken=first["NextToken"])
            except CallerError:
                return
            raise AssertionError(f"{thief} read on in the list of {caller} at {name}")

    @invariant()
    def each_sees_its_own(self) -> None:
        for caller, jobs in self.mine.items():
            summaries = self.call(caller, "ListEdgePackagingJobs")["EdgePackagingJobSummaries"]
            assert {job["EdgePackagingJobName"]: job["EdgePackagingJobStatus"] for job in summaries} == {
                name: status for name, (status, _) in jobs.items()
            }
            for name in NAMES:
                self.each_is_described_to_its_owner(caller, name)

    def each_is_described_to_its_owner(self, caller: Caller, name: str) -> None:
        try:
            job = self.call(caller, "DescribeEdgePackagingJob", EdgePackagingJobName=name)
        except ResourceNotFound:
            assert name not in self.mine[caller]
            return
        status, tags = self.mine[caller][name]
        assert (job["EdgePackagingJobStatus"], job["RoleArn"]) == (status, f"arn:aws:iam::{caller.account}:role/edge")
        found = self.call(caller, "ListTags", ResourceArn=job["EdgePackagingJobArn"])["Tags"]
        assert {pair["Key"]: pair["Value"] for pair in found} == tags


TestTenants = Tenants.TestCase
TestTenants.settings = settings(max_examples=25, stateful_step_count=25, deadline=None)


def test_the_model_itself_notices_a_leak() -> None:
    """A store that forgets whose job is whose is found out."""
    machine = Tenants()
    try:
        machine.create(CALLERS[0], "a")
        elsewhere = JobKey(Kind.PACKAGING, CALLERS[1].account, CALLERS[1].region, "a")
        job = machine.jobs.get(JobKey(Kind.PACKAGING, CALLERS[0].account, CALLERS[0].region, "a"))
        machine.jobs.insert(replace(job, key=elsewhere, status=Status.STARTING), {})
        try:
            machine.each_sees_its_own()
        except AssertionError:
            return
        raise RuntimeError("a job that its caller never made went unnoticed")
    finally:
        machine.teardown()
