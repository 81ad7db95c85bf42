"""A whole installation on the loopback: databases, object store, API servers and workers, as real processes."""

from __future__ import annotations

import json
import random
import shutil
import socket
import sys
import time
import urllib.request
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3
from botocore.config import Config

from acceptance.running import ACCOUNT, REGION, clean_environment, command
from chaos.database import Database
from chaos.processes import Program, Supervisor
from chaos.schedule import FaultKind, Target
from chaos.stores import FolderStore, LifecycleRule, S3Store
from contract.postgres import postgres_service
from contract.s3_servers import S3_SERVERS
from edgewright import service
from edgewright.sections import S3Settings
from edgewright.settings import Settings
from edgewright.signing import keys

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from chaos.processes import ManagedProcess
    from chaos.stores import Store
    from edgewright.signing.signers import Signer
    from faulty_proxy import Rates

ACCESS_KEY, SECRET = "AKIACHAOSCHAOSCHAO01", "a-secret-of-the-chaos-test"
READY_SECONDS = 90.0
SHORT_TIMES = {
    "HEARTBEAT_SECONDS": 0.5,
    "LIVENESS_TIMEOUT_SECONDS": 3.0,
    "TAKEOVER_SECONDS": 0.5,
    "GRACE_SECONDS": 3.0,
    "AUDIT_SECONDS": 5.0,
    "AUDIT_AGE_SECONDS": 20.0,
    "CLEANUP_SECONDS": 1.0,
    "FINAL_CLEANUP_SECONDS": 6.0,
}
"""The workers' times: short, so that two minutes see many takeovers."""

SHORTEST_TIMES = SHORT_TIMES | {
    "HEARTBEAT_SECONDS": 0.4,
    "LIVENESS_TIMEOUT_SECONDS": 1.5,
    "GRACE_SECONDS": 1.0,
    "CLEANUP_SECONDS": 0.5,
    "FINAL_CLEANUP_SECONDS": 3.0,
}
"""Shorter still, for a test of seconds in which no process is paused for as long as `FINAL_CLEANUP_SECONDS`."""

CLIENT_CONFIG = Config(
    retries={"mode": "standard", "total_max_attempts": 4},
    connect_timeout=2,
    read_timeout=6,
    max_pool_connections=4,
)
"""A client that retries as SDKs do."""

PROCESS_FAULTS = [FaultKind.KILL, FaultKind.KILL, FaultKind.PAUSE, FaultKind.DEADLY_PAUSE, FaultKind.END]
"""The faults of the program's processes."""
SERVER_FAULTS = [FaultKind.KILL, FaultKind.PAUSE]
"""The faults of the proxy and the database; a database that is asked to end does not wait for its clients."""


@dataclass(frozen=True, slots=True)
class Setup:
    """What a harness starts.

    Attributes:
        database: `postgresql` or `sqlite`.
        store: `directory`, or a server of `S3_SERVERS`.
        seed: which requests meet which fault in the proxy.
        rates: how often; unused where there is no proxy.
        pace: a factor on the times between two faults.
        workers: how many processes run jobs.
        times: the workers' settings of time.
    """

    database: str
    store: str
    seed: int
    rates: Rates
    pace: float = 1.0
    workers: int = 3
    times: Mapping[str, float] = field(default_factory=SHORT_TIMES.copy)


@dataclass(frozen=True, slots=True)
class Harness:
    """A running installation.

    Attributes:
        setup: what it was asked to start.
        folder: databases, objects and logs.
        urls: the API servers.
        supervisor: starts its processes and injects faults into them.
        targets: the faults of each process.
        objects: the object store, reached without the program.
        signer: the key that all workers sign with.
    """

    setup: Setup
    folder: Path
    urls: tuple[str, ...]
    supervisor: Supervisor
    targets: Mapping[str, Target]
    objects: Store
    signer: Signer
    settings: Settings

    @property
    def workers(self) -> list[str]:
        """The names of the processes that run jobs, and of nothing else."""
        return [name for name in self.targets if name.startswith("worker")]

    @property
    def servers(self) -> list[str]:
        """The names of the API servers."""
        return [name for name in self.targets if name.startswith(("api", "serve"))]

    def await_servers(self) -> None:
        """Wait until each API server answers."""
        for url in self.urls:
            await_server(url)

    def client(self, url: str, what: str = "sagemaker") -> Any:
        """An unmodified boto3 client that retries as SDKs do."""
        return boto3.client(
            what,
            endpoint_url=url,
            region_name=REGION,
            aws_access_key_id=ACCESS_KEY,
            aws_secret_access_key=SECRET,
            config=CLIENT_CONFIG,
        )


@contextmanager
def started(setup: Setup, folder: Path, note: Callable[[str], None]) -> Iterator[Harness]:
    """A harness with every process started; all are killed when the block ends. They may not answer yet."""
    with ExitStack() as stack:
        builder = _Builder(setup, folder, stack)
        objects = builder.store()
        builder.database()
        urls = builder.programs()
        supervisor = Supervisor(builder.processes, note)
        stack.callback(supervisor.kill)
        supervisor.start()
        service.prepare(builder.settings).close()
        yield Harness(setup, folder, urls, supervisor, builder.targets, objects, builder.signer, builder.settings)


def await_server(url: str) -> None:
    """Wait until the server answers, whatever it answers."""
    until = time.monotonic() + READY_SECONDS
    while True:
        try:
            urllib.request.urlopen(url, timeout=2).close()
        except urllib.request.HTTPError:
            return
        except OSError:
            assert time.monotonic() < until, f"{url} does not answer"
            time.sleep(0.1)
        else:
            return


def register(harness: Harness, name: str, artifact: str) -> None:
    """Make a COMPLETED compilation job of an artifact."""
    service.register_compilation(
        harness.settings, (ACCOUNT, REGION), name=name, artifact=artifact, framework="PYTORCH", target="jetson_nano"
    )


class _Builder:
    """Prepares a harness, part by part."""

    def __init__(self, setup: Setup, folder: Path, stack: ExitStack) -> None:
        self.processes: dict[str, ManagedProcess] = {}
        self.targets: dict[str, Target] = {}
        self._setup = setup
        self._folder = folder
        self._stack = stack
        self._environment = _common_environment(setup.times)
        self._own: dict[str, Any] = {"data_dir": folder / "host-a"}
        (folder / "logs").mkdir(parents=True)
        self.signer = keys.load_or_create(folder / "host-a" / "keys")

    @property
    def settings(self) -> Settings:
        """The settings with which this process reaches database and objects itself, without the proxy."""
        return Settings(**self._own)

    def store(self) -> Store:
        """The object store; S3 behind the faulty proxy. Its server keeps objects in memory, so no fault hits it."""
        if self._setup.store == "directory":
            return FolderStore(self.settings.objects_dir)
        server = self._stack.enter_context(S3_SERVERS[self._setup.store]())
        port = free_port()
        proxy = [sys.executable, str(Path(__file__).parents[1] / "faulty_proxy.py"), "--upstream", server.url]
        rates = json.dumps(asdict(self._setup.rates))
        proxy += ["--port", str(port), "--seed", str(self._setup.seed), "--rates", rates]
        self.processes["proxy"] = Program("proxy", proxy, clean_environment(), self._folder / "logs" / "proxy.log")
        self.targets["proxy"] = Target(SERVER_FAULTS, longest=3.0, every=25 * self._setup.pace)
        access = {"access_key_id": server.key, "secret_access_key": server.secret}
        self._own |= {"object_store": "s3", "s3": S3Settings.model_validate({"endpoint_url": server.url, **access})}
        named = {"endpoint_url": f"http://127.0.0.1:{port}"} | access
        self._environment |= {f"EDGEWRIGHT_S3__{name.upper()}": value for name, value in named.items()}
        self._environment["EDGEWRIGHT_OBJECT_STORE"] = "s3"
        store = S3Store(server)
        self.processes["lifecycle"] = LifecycleRule(server)
        self.targets["lifecycle"] = Target([FaultKind.ABORT_UPLOADS], longest=0.0, every=15 * self._setup.pace)
        return store

    def database(self) -> None:
        """PostgreSQL, where it is asked for."""
        if self._setup.database == "sqlite":
            return
        running = self._stack.enter_context(postgres_service())
        self._own["database_url"] = self._environment["EDGEWRIGHT_DATABASE_URL"] = running.new_database()
        self.processes["database"] = Database(running)
        self.targets["database"] = Target(SERVER_FAULTS, longest=4.0, every=30 * self._setup.pace)

    def programs(self) -> tuple[str, ...]:
        """API servers and workers; their URLs. On PostgreSQL two hosts, which share nothing but the services."""
        if self._setup.database == "sqlite":
            alone = self._server("serve", "host-a")
            for number in range(1, self._setup.workers):  # the server runs one more
                self._program(f"worker-{number}", "host-a", "worker")
            return (alone,)
        shutil.copytree(self._folder / "host-a" / "keys", self._folder / "host-b" / "keys")
        urls = (self._server("api-1", "host-a", "--no-worker"), self._server("api-2", "host-b", "--no-worker"))
        for number in range(1, self._setup.workers):
            self._program(f"worker-{number}", "host-a", "worker")
        self._program(f"worker-{self._setup.workers}", "host-b", "worker")
        return urls

    def _server(self, name: str, host: str, *flags: str) -> str:
        port = free_port()
        self._program(name, host, "serve", "--port", str(port), *flags)
        return f"http://127.0.0.1:{port}"

    def _program(self, name: str, host: str, *arguments: str) -> None:
        line = command(*arguments, "--data-dir", str(self._folder / host))
        self.processes[name] = Program(name, line, self._environment, self._folder / "logs" / f"{name}.log")
        every = (12 if name.startswith("worker") else 20) * self._setup.pace
        self.targets[name] = Target(PROCESS_FAULTS, longest=6.0, every=every)


def _common_environment(times: Mapping[str, float]) -> dict[str, str]:
    worker = {f"EDGEWRIGHT_WORKER__{name}": str(value) for name, value in times.items()}
    key = {"EDGEWRIGHT_ACCESS_KEY_ID": ACCESS_KEY, "EDGEWRIGHT_SECRET_ACCESS_KEY": SECRET}
    return clean_environment() | worker | key | {"EDGEWRIGHT_LOG_FORMAT": "json"}


def free_port() -> int:
    """A port that no process listens on, and that no outgoing connection takes while its server is down."""
    low, _ = Path("/proc/sys/net/ipv4/ip_local_port_range").read_text(encoding="ascii").split()
    while True:
        port = random.SystemRandom().randrange(10_000, int(low))
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port
