"""The clients: they create, stop, describe and list jobs, and record every answer."""

from __future__ import annotations

import itertools
import random
import threading
import time
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from chaos.lifecycle import ENDS, Observation
from chaos.stores import MODELS, PACKAGES
from edgewright.errors import EdgewrightError
from edgewright.packaging import verify

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from chaos.harness import Harness
    from chaos.plan import JobPlan

TIMEOUT_SECONDS = 240.0
"""How long a client goes on asking before it gives up."""
OVER = "the run was over before an answer came"
REPEATED_DESCRIBES = 3
"""How often an ended job is described again."""


@dataclass
class Notes:
    """Every answer that the clients got.

    Attributes:
        begun: the start, by the monotonic clock.
        made: for each job, the versions whose Create was answered with 200.
        accepted: the jobs that are known to be there, by when that was known.
        stops_asked: the jobs for which a Stop was sent, answered or not.
        stops_taken: those whose Stop was answered with 200.
        stops_refused: those whose Stop was refused, with the sentence.
        observations: all observations of each job.
        errors: how often a call failed with which error, retries of the SDK included.
        unanswered: calls that never got an answer.
        unexpected: answers that no client should ever get.
        verified: how many objects were fetched and verified while faults were injected.
    """

    begun: float = field(default_factory=time.monotonic)
    made: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    accepted: dict[str, float] = field(default_factory=dict)
    stops_asked: set[str] = field(default_factory=set)
    stops_taken: set[str] = field(default_factory=set)
    stops_refused: dict[str, str] = field(default_factory=dict)
    observations: dict[str, list[Observation]] = field(default_factory=lambda: defaultdict(list))
    errors: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    unanswered: list[str] = field(default_factory=list)
    unexpected: list[str] = field(default_factory=list)
    verified: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def now(self) -> float:
        """Seconds since the start."""
        return time.monotonic() - self.begun

    def add_error(self, operation: str, error: Exception) -> None:
        """Count an error."""
        code = error.response["Error"]["Code"] if isinstance(error, ClientError) else type(error).__name__
        with self.lock:
            self.errors[f"{operation}: {code}"] += 1


class Clients:
    """Threads of clients, each with its own connections to every API server."""

    def __init__(self, harness: Harness, plans: Sequence[JobPlan], notes: Notes) -> None:
        self._harness = harness
        self._plans = plans
        self._by_name = {plan.name: plan for plan in plans}
        self._notes = notes
        self._done = threading.Event()
        self._ended: Counter[str] = Counter()  # which is not changed by being asked
        self._threads = [
            *self._team("creator", 3, self._create_all, plans),
            *self._team("rival", 1, self._create_all, [plan for plan in plans if plan.rival], as_rival=True),
            threading.Thread(target=self._stop_all, name="stopper"),
            threading.Thread(target=self._describe_all, args=(1,), name="describer-1"),
            threading.Thread(target=self._describe_all, args=(2,), name="describer-2"),
            threading.Thread(target=self._list_all, name="lister"),
            threading.Thread(target=self._verify_all, name="verifier"),
        ]
        self._finite = [t for t in self._threads if t.name.startswith(("creator", "rival", "stopper"))]

    def start(self) -> None:
        """Begin."""
        for thread in self._threads:
            thread.start()

    def await_requests(self) -> None:
        """Wait until every job is created and every Stop sent."""
        for thread in self._finite:
            thread.join()

    def unfinished(self) -> list[str]:
        """The accepted jobs that were not yet seen in an end."""
        with self._notes.lock:
            return sorted(self._notes.accepted.keys() - self._ended.keys())

    def finish(self) -> None:
        """End, and wait."""
        self._done.set()
        for thread in self._threads:
            thread.join()

    @staticmethod
    def _team(
        name: str, size: int, work: Callable[..., None], plans: Sequence[JobPlan], **more: Any
    ) -> list[threading.Thread]:
        parts = [plans[number::size] for number in range(size)]
        return [
            threading.Thread(target=work, args=(part,), kwargs=more, name=f"{name}-{number}")
            for number, part in enumerate(parts, 1)
        ]

    # --- what each thread does ------------------------------------------------------------------------------------

    def _create_all(self, plans: Sequence[JobPlan], *, as_rival: bool = False) -> None:
        call = _Caller(self._harness, self._notes, self._done)
        for plan in plans:
            self._sleep_until(plan.create_at)
            version = plan.rival_version if as_rival else plan.version
            answer = call("create_edge_packaging_job", **creation(plan, version))
            with self._notes.lock:
                if answer == "200":
                    self._notes.made[plan.name].append(version)
                if answer in {"200", "ResourceInUse"}:
                    self._notes.accepted.setdefault(plan.name, self._notes.now())
                else:
                    self._notes.unexpected.append(f"create {plan.name}: {answer}")

    def _stop_all(self) -> None:
        call = _Caller(self._harness, self._notes, self._done)
        waiting = {plan.name: plan.stop_after for plan in self._plans if plan.stop_after is not None}
        while waiting and not self._done.wait(0.02):
            for name, after in list(waiting.items()):
                accepted = self._notes.accepted.get(name)
                if accepted is not None and self._notes.now() >= accepted + after:
                    del waiting[name]
                    self._stop(call, name)

    def _stop(self, call: _Caller, name: str) -> None:
        with self._notes.lock:
            self._notes.stops_asked.add(name)
        answer = call("stop_edge_packaging_job", EdgePackagingJobName=name)
        with self._notes.lock:
            if answer == "200":
                self._notes.stops_taken.add(name)
            elif answer.startswith("ValidationException"):
                self._notes.stops_refused[name] = answer
            else:
                self._notes.unexpected.append(f"stop {name}: {answer}")

    def _describe_all(self, number: int) -> None:
        call = _Caller(self._harness, self._notes, self._done)
        dice = random.Random(f"{self._harness.setup.seed}/describer-{number}")
        while not self._done.wait(0.01):
            with self._notes.lock:
                names = [name for name in self._notes.accepted if self._ended[name] < REPEATED_DESCRIBES]
            if names:
                self._describe(call, dice.choice(names))

    def _describe(self, call: _Caller, name: str) -> None:
        sent = self._notes.now()
        answer = call("describe_edge_packaging_job", EdgePackagingJobName=name)
        if answer == OVER:
            return
        if answer != "200":
            with self._notes.lock:
                self._notes.unexpected.append(f"describe {name}: {answer}")
            return
        look = observed(sent, self._notes.now(), call.response, call.by)
        with self._notes.lock:
            self._notes.observations[name].append(look)
            if look.status in ENDS:
                self._ended[name] += 1
        if look.status == "COMPLETED":
            self._look_at_object(name, call.response["ModelArtifact"])

    def _look_at_object(self, name: str, uri: str) -> None:
        """A client that reads COMPLETED must find the object."""
        if not self._harness.objects.has(PACKAGES, uri.removeprefix(f"s3://{PACKAGES}/")):
            with self._notes.lock:
                self._notes.unexpected.append(f"{name} is COMPLETED, and {uri} is not there")

    def _list_all(self) -> None:
        call = _Caller(self._harness, self._notes, self._done)
        while not self._done.wait(0.7):
            token: dict[str, str] = {}
            while True:
                sent = self._notes.now()
                if call("list_edge_packaging_jobs", MaxResults=50, **token) != "200":
                    break
                self._take_page(sent, call)
                if "NextToken" not in call.response or self._done.is_set():
                    break
                token = {"NextToken": call.response["NextToken"]}

    def _verify_all(self) -> None:
        """Any object that can be seen is whole, at any time."""
        dice = random.Random(f"{self._harness.setup.seed}/verifier")
        trusted = [self._harness.signer.public_key]
        while not self._done.wait(0.5):
            keys = self._harness.objects.keys(PACKAGES)
            key = dice.choice(keys) if keys else None
            content = None if key is None else self._harness.objects.get(PACKAGES, key)
            if content is None:  # of a job that was stopped meanwhile
                continue
            try:
                verify([content], trusted, model_name="chaos")
            except EdgewrightError as error:
                with self._notes.lock:
                    self._notes.unexpected.append(f"{key} could be seen, and was refused: {error.message}")
            else:
                self._notes.verified += 1

    def _take_page(self, sent: float, call: _Caller) -> None:
        received = self._notes.now()
        with self._notes.lock:
            for job in call.response["EdgePackagingJobSummaries"]:
                look = Observation(
                    sent, received, job["EdgePackagingJobStatus"], job["LastModifiedTime"].timestamp(), call.by
                )
                self._notes.observations[job["EdgePackagingJobName"]].append(look)

    def _sleep_until(self, at: float) -> None:
        self._done.wait(max(0.0, at - self._notes.now()))


class _Caller:
    """Calls an operation on one server or the other until it is answered, as an application behind an SDK does."""

    def __init__(self, harness: Harness, notes: Notes, done: threading.Event) -> None:
        self._clients = itertools.cycle([(url, harness.client(url)) for url in harness.urls])
        self._notes = notes
        self._done = done
        self.response: dict[str, Any] = {}
        self.by = ""

    def __call__(self, operation: str, **request: Any) -> str:
        """`200`, or the code of an error that a retry would not help with, with its message."""
        until = time.monotonic() + TIMEOUT_SECONDS
        while time.monotonic() < until:
            url, client = next(self._clients)
            try:
                self.response = getattr(client, operation)(**request)
            except ClientError as error:
                self._notes.add_error(operation, error)
                if error.response["ResponseMetadata"]["HTTPStatusCode"] < 500:
                    code = error.response["Error"]["Code"]
                    return code if code == "ResourceInUse" else f"{code}: {error.response['Error']['Message']}"
            except BotoCoreError as error:
                self._notes.add_error(operation, error)
            else:
                self.by = f"{operation} at {url}"
                return "200"
            if self._done.wait(0.2):
                return OVER
        with self._notes.lock:
            self._notes.unanswered.append(f"{operation} {request} had no answer for {TIMEOUT_SECONDS:.0f} s")
        return "no answer"


def creation(plan: JobPlan, version: str) -> dict[str, Any]:
    """The CreateEdgePackagingJob request of a plan."""
    output = {"S3OutputLocation": f"s3://{PACKAGES}/out"}
    if plan.component:
        config = f'{{"ComponentName": "chaos.{plan.name}", "ComponentVersion": "{component_version(version)}"}}'
        output |= {"PresetDeploymentType": "GreengrassV2Component", "PresetDeploymentConfig": config}
    return {
        "EdgePackagingJobName": plan.name,
        "CompilationJobName": plan.source.value,
        "ModelName": "chaos",
        "ModelVersion": version,
        "RoleArn": "arn:aws:iam::123456789012:role/edge",
        "OutputConfig": output,
    }


def component_version(version: str) -> str:
    """The component's version, in three numbers."""
    return ".".join([*version.split("."), "0", "0"][:3])


def observed(sent: float, received: float, response: dict[str, Any], by: str) -> Observation:
    """A Describe as an observation."""
    status = response["EdgePackagingJobStatus"]
    names = ("ModelArtifact", "ModelSignature", "EdgePackagingJobStatusMessage", "PresetDeploymentOutput")
    details = tuple((name, str(response[name])) for name in names if name in response) if status in ENDS else ()
    return Observation(sent, received, status, response["LastModifiedTime"].timestamp(), by, details)


def source_key(source: str) -> str:
    """Where a source's archive is in the bucket of models."""
    return f"{source}/compiled.tar.gz"


def source_uri(source: str) -> str:
    """The same as a URI."""
    return f"s3://{MODELS}/{source_key(source)}"
