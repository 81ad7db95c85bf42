"""A diagnosis: everything that the service needs, checked one by one, each with what is wrong and how to fix it.

Nothing is made or changed, but for one object that is written into the store and removed again.
"""

from __future__ import annotations

import os
import secrets
import shutil
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING

import urllib3
from sqlalchemy import select

from edgewright import strict_json
from edgewright.auth import rights_changes, rule_faults
from edgewright.auth.principals import Principal, check_private, read_principals, several_accounts
from edgewright.compiling import sandbox
from edgewright.database.clock import database_now
from edgewright.database.connections import migration, open_database
from edgewright.errors import DatabaseUnavailable, EdgewrightError, SandboxMissing
from edgewright.keys.store import KeyStore, KnownKey
from edgewright.persistence import Persistence
from edgewright.signing import key_folder, keys, signers
from edgewright.stores import S3Uri, open_store
from edgewright.telemetry import snapshot

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from edgewright.settings import Settings
    from edgewright.signing.signers import Signer

SKEW_SECONDS = 2.0
"""Hosts whose clocks differ more tell of events in a wrong order, and signatures fail beyond five minutes."""
LITTLE_SPACE = 1024**3
PROBE_BUCKET = "edgewright-doctor"
PROBE_SECONDS = 5.0


class State(StrEnum):
    """How well something is."""

    OK = "ok"
    WARNING = "warning"
    FAILED = "failed"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True)
class CheckResult:
    """What one check found.

    Attributes:
        name: what was looked at.
        state: how well it is.
        found: in a sentence.
        fix: what to do; empty where nothing is to be done.
    """

    name: str
    state: State
    found: str
    fix: str = ""


Check = Callable[[], Iterator[CheckResult]]


def _ok(name: str, found: str) -> CheckResult:
    return CheckResult(name, State.OK, found)


def _warning(name: str, found: str, fix: str) -> CheckResult:
    return CheckResult(name, State.WARNING, found, fix)


def _failed(name: str, found: str, fix: str = "") -> CheckResult:
    return CheckResult(name, State.FAILED, found, fix)


def diagnose(settings: Settings, bucket: str | None = None) -> Iterator[CheckResult]:
    """Look at everything that the settings name.

    Args:
        settings: what the operator chose; they were read without fault.
        bucket: where to write, read and delete an object in S3; none is tried there when None.
    """
    yield _ok("settings", "Every setting can be used.")
    checks: dict[str, Check] = {
        "data folder": lambda: _folder(settings),
        "signing key": lambda: _signing_key(settings),
        "access keys": lambda: _access_keys(settings),
        "database": lambda: _database(settings),
        "sandbox": lambda: _sandbox(settings),
        "object store": lambda: _store(settings, bucket),
        "clock": lambda: _s3_clock(settings),
        "server": lambda: _server(settings),
    }
    for name, check in checks.items():
        try:
            yield from check()
        except EdgewrightError as error:
            yield _failed(name, error.message, _FIXES.get(name, ""))
        except OSError as error:
            yield _failed(name, f"{error.strerror}: {error.filename}", _FIXES.get(name, ""))


_FIXES = {
    "data folder": "Give --data-dir, or run this as the user that the service runs as.",
    "database": "See that the database runs, and that EDGEWRIGHT_DATABASE_URL names it.",
    "object store": "See that the store runs, and that the s3 settings and their credentials are right.",
}


def _folder(settings: Settings) -> Iterator[CheckResult]:
    folder = settings.data_dir
    if not folder.is_dir():
        yield _failed("data folder", f"{folder} is not there.", "Start `edgewright serve`, which makes it.")
        return
    if not os.access(folder, os.R_OK | os.W_OK | os.X_OK):
        yield _failed("data folder", f"{folder} cannot be written.", f"Run: chown -R $USER {folder}")
        return
    if folder.stat().st_mode & 0o077:
        yield _warning("data folder", f"{folder} is open to others.", f"Run: chmod 700 {folder}")
    free = shutil.disk_usage(folder).free
    if free < LITTLE_SPACE:
        yield _warning("data folder", f"{free} bytes are free for it.", "Make room on its disk.")
    else:
        yield _ok("data folder", f"{folder.absolute()} can be written, {free // 1024**3} GiB are free.")


def _signing_key(settings: Settings) -> Iterator[CheckResult]:
    known = _known_keys(settings)
    recorded = next((each for each in known if each.signs), None)
    if known and recorded is None:
        yield _failed("signing key", "No key signs: the signing key was revoked.", "Run: edgewright keys rotate")
        return
    path = settings.keys_dir / keys.PRIVATE_FILE
    if recorded is None and settings.signing_key is None and not path.exists():
        yield _warning("signing key", f"{path} is not there.", "The first start makes one; else restore yours.")
        return
    signer = _own_signer(settings, recorded)
    key_id = signer.public_key.key_id
    if recorded is not None and recorded.key_id != key_id:
        found = f"The service signs with key {recorded.key_id}, and this host has {key_id}: it signs nothing."
        remedy = f"Copy {keys.PRIVATE_FILE} from a host that has it to {path}, or run `edgewright keys rotate`."
        yield _failed("signing key", found, remedy)
    elif settings.signing_key is None and not _has_public_half(settings.keys_dir):
        public = settings.keys_dir / keys.PUBLIC_FILE
        yield _failed("signing key", f"{public} is not its public half.", f"Remove {public} and restart.")
    else:
        yield _ok("signing key", f"Packages are signed by {key_id}, {signer.public_key.algorithm}.")
    if not signer.deterministic:
        found = "It gives the same data another signature each time: packages of one model differ by it alone."
        yield _ok("signing key", found)


def _known_keys(settings: Settings) -> list[KnownKey]:
    """The keys that the database knows; none where there is no database yet."""
    engine = open_database(settings.sqlalchemy_url)
    try:
        if not _is_there(engine):
            return []
        migration(engine)
        return KeyStore(engine).all()
    except DatabaseUnavailable:
        return []  # what is wrong with it is found by the check of the database
    finally:
        engine.dispose()


def _own_signer(settings: Settings, recorded: KnownKey | None) -> Signer:
    """This host's key: the service's if it is here. Nothing is moved, as a start would."""
    if settings.signing_key is not None:
        return signers.open_signer(settings.signing_key)
    current = key_folder.signing_key(settings.keys_dir)
    if recorded is not None and (current is None or current.public_key.key_id != recorded.key_id):
        waiting = key_folder.path_of(settings.keys_dir, recorded.key_id)
        if waiting.exists():
            return keys.load_signer(waiting)
    return keys.load_signer(settings.keys_dir / keys.PRIVATE_FILE)


def _has_public_half(folder: Path) -> bool:
    """Whether `signing.pub.pem` is the public half of `signing.pem`; there is none where the key waits to become it."""
    current = key_folder.signing_key(folder)
    return current is None or key_folder.public_half(folder) == current.public_key


def _access_keys(settings: Settings) -> Iterator[CheckResult]:
    held = [path for path in (settings.credentials_file, settings.principals_file) if path.exists()]
    for path in held:
        check_private(path)
    principals = read_principals(settings.principals_file)
    if settings.credentials_file not in held and settings.access_key_id is None:
        fix = "Start `edgewright serve`, which makes one."
        yield _warning("access keys", f"{settings.credentials_file} is not there.", fix)
        return
    yield _ok("access keys", f"The first one and {len(principals)} more; their files are private.")
    for principal in principals:
        if not principal.disabled:
            yield from _rights(principal)


def _rights(principal: Principal) -> Iterator[CheckResult]:
    """Rules that do not do what they seem to, and what the stricter check of operations changes for a key."""
    whose, rights = f"{principal.access_key_id} ({principal.name})", principal.rights
    for fault in rule_faults.of_rights(rights):
        fix = "Correct the rule in principals.toml, or remove it."
        yield _warning("access keys", f"{whose} has a rule that never matches: {fault}", fix)
    if rights_changes.blocked(rights):
        found = f"{whose} may create edge packaging jobs, but describe no compilation job to make them of."
        fix = f"Allow it {rights_changes.DESCRIBE}, or leave out {rights_changes.CREATE}."
        yield _warning("access keys", found, fix)
    for note in rights_changes.notes(rights):
        yield _ok("access keys", f"{whose}: {note}")


def _database(settings: Settings) -> Iterator[CheckResult]:
    engine = open_database(settings.sqlalchemy_url)
    url = engine.url
    if not _is_there(engine):
        yield _failed("database", f"{url.database} is not there.", "Start `edgewright serve`, which makes it.")
        return
    try:
        kept = Persistence.on(engine)
        yield _ok("database", f"{url.get_backend_name()} answers, at migration {migration(engine)}.")
        before = time.time()
        with engine.connect() as connection:
            clock = connection.execute(select(database_now(engine))).scalar_one() / 1000
        skew = max(before - clock, clock - time.time(), 0.0)
        yield _skew("the database's", skew)
        yield from _workers(kept, settings.worker.liveness_timeout_seconds)
    finally:
        engine.dispose()


def _sandbox(settings: Settings) -> Iterator[CheckResult]:
    choice = settings.unconfined_compilation
    try:
        found = sandbox.find()
    except SandboxMissing as error:
        reason = error.message
    else:
        yield _ok("sandbox", f"Models are compiled in a sandbox that {found.program} makes.")
        return
    fix = "Install bubblewrap, and allow user namespaces: see docs/how-to/sandbox.md."
    if sandbox.refuses(choice, lambda: _several_accounts(settings)):
        found_instead = f"{reason} No model is compiled here: unconfined_compilation is {choice!r}."
        yield _failed("sandbox", found_instead, fix)
    else:
        found_instead = f"{reason} Models are compiled without one: unconfined_compilation is {choice!r}."
        yield _warning("sandbox", found_instead, fix)


def _several_accounts(settings: Settings) -> bool:
    engine = open_database(settings.sqlalchemy_url)
    try:
        known = Persistence.on(engine).jobs.accounts() if _is_there(engine) else set()
    finally:
        engine.dispose()
    return several_accounts(settings, known)


def _is_there(engine: Engine) -> bool:
    """False for a SQLite file that is not there, which connecting would make."""
    path = engine.url.database
    return engine.url.get_backend_name() != "sqlite" or (path is not None and Path(path).exists())


def _workers(kept: Persistence, liveness_seconds: float) -> Iterator[CheckResult]:
    found = kept.workers.list()
    live = [worker for worker in found if worker.beat_seconds <= liveness_seconds]
    waiting = sum(queue.waiting for queue in snapshot.take(kept.engine, datetime.now(UTC)).queues.values())
    if live:
        youngest = min(worker.beat_seconds for worker in live)
        text = f"{len(live)} alive, the last heartbeat {youngest:.1f} seconds ago; {waiting} jobs wait."
        yield _ok("workers", text)
    else:
        text = f"None is alive, of {len(found)} that are known; {waiting} jobs wait."
        yield _warning("workers", text, "Start `edgewright worker`, or `edgewright serve`, which has one.")
    dead = len(kept.deliveries.dead(1000))
    if dead:
        fix = "See `edgewright events dead`, then `edgewright events retry`."
        yield _warning("events", f"The webhook did not take {dead} events.", fix)


def _store(settings: Settings, bucket: str | None) -> Iterator[CheckResult]:
    if settings.object_store == "s3" and bucket is None:
        fix = "Give --bucket with one that jobs use."
        yield CheckResult("object store", State.SKIPPED, "Nothing was written to S3, for want of a bucket.", fix)
        return
    if settings.object_store == "directory" and not settings.objects_dir.is_dir():
        fix = "Start `edgewright serve`, which makes it."
        yield _failed("object store", f"{settings.objects_dir} is not there.", fix)
        return
    uri = S3Uri(bucket or PROBE_BUCKET, f"edgewright-doctor/{secrets.token_hex(8)}")
    hasty = settings.s3.model_copy(update={"retry_seconds": PROBE_SECONDS})
    objects, content = open_store(settings.model_copy(update={"s3": hasty})), secrets.token_bytes(64)
    objects.write(uri, [content])
    try:
        found = b"".join(bytes(piece) for piece in objects.read(uri))
    finally:
        objects.delete(uri)
    if found != content or objects.exists(uri):
        yield _failed("object store", f"{uri} did not come back as it was written, or did not go.")
    else:
        _remove_probe_folders(settings.objects_dir / PROBE_BUCKET)
        yield _ok("object store", f"{settings.object_store}: an object was written, read and removed.")


def _remove_probe_folders(bucket: Path) -> None:
    """Remove the folders of the directory store that held the probe, where nothing else is in them."""
    for folder in (bucket / "edgewright-doctor", bucket):
        if folder.is_dir() and not any(folder.iterdir()):
            folder.rmdir()


def _s3_clock(settings: Settings) -> Iterator[CheckResult]:
    if settings.object_store != "s3":
        return
    url = settings.s3.endpoint_url or f"https://s3.{settings.s3.region}.amazonaws.com"
    try:
        answer = urllib3.request("HEAD", url, timeout=PROBE_SECONDS, retries=False, redirect=False)
    except urllib3.exceptions.HTTPError as error:
        yield _failed("clock", f"S3 does not answer: {type(error).__name__}.", _FIXES["object store"])
        return
    date = answer.headers.get("date")
    if date is not None:
        skew = abs((datetime.now(UTC) - parsedate_to_datetime(date)).total_seconds())
        yield _skew("S3's", max(0.0, skew - 1.0))  # it sends whole seconds


def _skew(whose: str, seconds: float) -> CheckResult:
    if seconds <= SKEW_SECONDS:
        return _ok("clock", f"It is {whose}, within {SKEW_SECONDS:g} seconds.")
    return _failed("clock", f"It is {seconds:.0f} seconds away from {whose}.", "Run a time service, such as chrony.")


def _server(settings: Settings) -> Iterator[CheckResult]:
    path = settings.data_dir / "endpoint"
    if not path.exists():
        yield _warning("server", "None has run on this data folder.", "Start `edgewright serve`.")
        return
    url = path.read_text(encoding="utf-8").strip()
    token = settings.metrics_token
    headers = {} if token is None else {"authorization": f"Bearer {token.get_secret_value()}"}
    try:
        answer = urllib3.request(
            "GET", f"{url}/health/ready", headers=headers, timeout=PROBE_SECONDS, retries=False, redirect=False
        )
    except urllib3.exceptions.HTTPError:
        yield _warning("server", f"None answers at {url}.", "Start `edgewright serve`.")
        return
    checks = _checks_in(answer.data)
    if checks is None:
        fix = "Start `edgewright serve`, which writes down its own address."
        yield _warning("server", f"What answers at {url} is no server of edgewright's.", fix)
    elif answer.status == 200:
        yield _ok("server", f"It answers at {url}, and is ready.")
    else:
        failed = [name for name, status in checks.items() if status == "failed"]
        why = ", ".join(failed) or "it shows the reason only to this host, or with its token"
        yield _failed("server", f"It answers at {url}, and is not ready: {why}.")


def _checks_in(body: bytes) -> dict[str, str] | None:
    """The status of each check that the answer of `/health/ready` shows; None where it is no such answer."""
    try:
        document = strict_json.parse(body)
        if document["status"] not in {"ready", "not ready"}:
            return None
        return {str(name): str(check["status"]) for name, check in document.get("checks", {}).items()}
    except (ValueError, KeyError, TypeError, AttributeError):
        return None
