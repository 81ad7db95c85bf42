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
from contract.postgres import postgres_service
from contract.s3_service import s3_service
from edgewright import service
from edgewright.settings import S3Settings, Settings
from edgewright.signing import keys
from torture.database import Database
from torture.processes import Keeper, Program
from torture.schedule import Blow, Target
from torture.shelves import FolderShelf, S3Shelf

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from edgewright.signing.keys import Signer
    from faulty_proxy import Rates
    from torture.processes import Victim
    from torture.shelves import Shelf

ACCESS_KEY, SECRET = "AKIATORTURETORTURE01", "a-secret-of-the-torture-bench"
READY_SECONDS = 90.0
SWIFT = {
    "HEARTBEAT_SECONDS": 0.5,
    "LAPSE_SECONDS": 3.0,
    "TAKEOVER_SECONDS": 0.5,
    "GRACE_SECONDS": 3.0,
    "AUDIT_SECONDS": 5.0,
    "AUDIT_AGE_SECONDS": 20.0,
    "TIDY_SECONDS": 1.0,
    "SETTLE_SECONDS": 6.0,
}
"""The workers' times: short, so that a storm of two minutes sees many takeovers."""

BRIEF = SWIFT | {
    "HEARTBEAT_SECONDS": 0.4,
    "LAPSE_SECONDS": 1.5,
    "GRACE_SECONDS": 1.0,
    "TIDY_SECONDS": 0.5,
    "SETTLE_SECONDS": 3.0,
}
"""Shorter still, for a storm of seconds in which nobody is paused for as long as it takes to settle."""

STANDARD = Config(
    retries={"mode": "standard", "total_max_attempts": 4},
    connect_timeout=2,
    read_timeout=6,
    max_pool_connections=4,
)
"""A client that retries as SDKs do."""

PROCESS = [Blow.KILL, Blow.KILL, Blow.PAUSE, Blow.DEADLY_PAUSE, Blow.END]
"""How a process of the program is struck."""
SERVER = [Blow.KILL, Blow.PAUSE]
"""How the proxy and the database are struck; a database that is asked to end waits for nobody."""


@dataclass(frozen=True, slots=True)
class Shape:
    """What a house is made of.

    Attributes:
        database: `postgresql` or `sqlite`.
        store: `s3` or `directory`.
        seed: which requests meet which fault in the proxy.
        rates: how often; unused where there is no proxy.
        pace: a factor on the times between two strikes.
        workers: how many processes run jobs.
        times: the workers' settings of time.
    """

    database: str
    store: str
    seed: int
    rates: Rates
    pace: float = 1.0
    workers: int = 3
    times: Mapping[str, float] = field(default_factory=SWIFT.copy)


@dataclass(frozen=True, slots=True)
class House:
    """A running installation.

    Attributes:
        shape: what it was asked to be.
        folder: everything it keeps, logs included.
        urls: the API servers.
        keeper: starts and strikes its processes.
        targets: how each process is struck.
        shelf: the object store, past the program.
        signer: the key that all workers sign with.
    """

    shape: Shape
    folder: Path
    urls: tuple[str, ...]
    keeper: Keeper
    targets: Mapping[str, Target]
    shelf: Shelf
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
            config=STANDARD,
        )


@contextmanager
def built(shape: Shape, folder: Path, note: Callable[[str], None]) -> Iterator[House]:
    """A house whose every process was started; all are killed when the block ends. They may not answer yet."""
    with ExitStack() as stack:
        plans = _Plans(shape, folder, stack)
        shelf = plans.store()
        plans.database()
        urls = plans.programs()
        keeper = Keeper(plans.victims, note)
        stack.callback(keeper.kill)
        keeper.start()
        service.prepare(plans.settings).close()
        yield House(shape, folder, urls, keeper, plans.targets, shelf, plans.signer, plans.settings)


def await_server(url: str) -> None:
    """Wait until the server answers, whatever it answers."""
    until = time.monotonic() + READY_SECONDS
    while True:
        try:
            urllib.request.urlopen(url, timeout=2).close()  # noqa: S310 - the loopback
        except urllib.request.HTTPError:
            return
        except OSError:
            assert time.monotonic() < until, f"{url} does not answer"
            time.sleep(0.1)
        else:
            return


def register(house: House, name: str, artifact: str) -> None:
    """Make a COMPLETED compilation job of an artifact."""
    service.register_compilation(
        house.settings, (ACCOUNT, REGION), name=name, artifact=artifact, framework="PYTORCH", target="jetson_nano"
    )


class _Plans:
    """What a house will be made of, part by part."""

    def __init__(self, shape: Shape, folder: Path, stack: ExitStack) -> None:
        self.victims: dict[str, Victim] = {}
        self.targets: dict[str, Target] = {}
        self._shape = shape
        self._folder = folder
        self._stack = stack
        self._environment = _common_environment(shape.times)
        self._own: dict[str, Any] = {"data_dir": folder / "host-a"}
        (folder / "logs").mkdir(parents=True)
        self.signer = keys.load_or_create(folder / "host-a" / "keys")

    @property
    def settings(self) -> Settings:
        """The settings with which this process reaches database and objects itself, past the proxy."""
        return Settings(**self._own)

    def store(self) -> Shelf:
        """The object store; S3 behind the faulty proxy. Its server keeps objects in memory, so it is never struck."""
        if self._shape.store == "directory":
            return FolderShelf(self.settings.objects_dir)
        server = self._stack.enter_context(s3_service())
        port = free_port()
        proxy = [sys.executable, str(Path(__file__).parents[1] / "faulty_proxy.py"), "--upstream", server.url]
        rates = json.dumps(asdict(self._shape.rates))
        proxy += ["--port", str(port), "--seed", str(self._shape.seed), "--rates", rates]
        self.victims["proxy"] = Program("proxy", proxy, clean_environment(), self._folder / "logs" / "proxy.log")
        self.targets["proxy"] = Target(SERVER, longest=3.0, every=25 * self._shape.pace)
        access = {"access_key_id": server.key, "secret_access_key": server.secret}
        self._own |= {"object_store": "s3", "s3": S3Settings.model_validate({"endpoint_url": server.url, **access})}
        named = {"endpoint_url": f"http://127.0.0.1:{port}"} | access
        self._environment |= {f"EDGEWRIGHT_S3__{name.upper()}": value for name, value in named.items()}
        self._environment["EDGEWRIGHT_OBJECT_STORE"] = "s3"
        return S3Shelf(server)

    def database(self) -> None:
        """PostgreSQL, where it is asked for."""
        if self._shape.database == "sqlite":
            return
        running = self._stack.enter_context(postgres_service())
        self._own["database_url"] = self._environment["EDGEWRIGHT_DATABASE_URL"] = running.new_database()
        self.victims["database"] = Database(running)
        self.targets["database"] = Target(SERVER, longest=4.0, every=30 * self._shape.pace)

    def programs(self) -> tuple[str, ...]:
        """API servers and workers; their URLs. On PostgreSQL two hosts, which share nothing but the services."""
        if self._shape.database == "sqlite":
            alone = self._server("serve", "host-a")
            for number in range(1, self._shape.workers):  # the server runs one more
                self._program(f"worker-{number}", "host-a", "worker")
            return (alone,)
        shutil.copytree(self._folder / "host-a" / "keys", self._folder / "host-b" / "keys")
        urls = (self._server("api-1", "host-a", "--no-worker"), self._server("api-2", "host-b", "--no-worker"))
        for number in range(1, self._shape.workers):
            self._program(f"worker-{number}", "host-a", "worker")
        self._program(f"worker-{self._shape.workers}", "host-b", "worker")
        return urls

    def _server(self, name: str, host: str, *flags: str) -> str:
        port = free_port()
        self._program(name, host, "serve", "--port", str(port), *flags)
        return f"http://127.0.0.1:{port}"

    def _program(self, name: str, host: str, *arguments: str) -> None:
        line = command(*arguments, "--data-dir", str(self._folder / host))
        self.victims[name] = Program(name, line, self._environment, self._folder / "logs" / f"{name}.log")
        every = (12 if name.startswith("worker") else 20) * self._shape.pace
        self.targets[name] = Target(PROCESS, longest=6.0, every=every)


def _common_environment(times: Mapping[str, float]) -> dict[str, str]:
    worker = {f"EDGEWRIGHT_WORKER__{name}": str(value) for name, value in times.items()}
    key = {"EDGEWRIGHT_ACCESS_KEY_ID": ACCESS_KEY, "EDGEWRIGHT_SECRET_ACCESS_KEY": SECRET}
    return clean_environment() | worker | key | {"EDGEWRIGHT_LOG_FORMAT": "json"}


def free_port() -> int:
    """A port that nobody listens on, and that no outgoing connection takes while its server is down."""
    low, _ = Path("/proc/sys/net/ipv4/ip_local_port_range").read_text(encoding="ascii").split()
    while True:
        port = random.SystemRandom().randrange(10_000, int(low))
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port
