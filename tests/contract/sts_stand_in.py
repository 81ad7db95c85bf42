"""An STS that gives the roles that it is set to, for as long as it is set to, and denies all others."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from contract.s3_stand_in import Answer, Asked, StandIn, stand_in

if TYPE_CHECKING:
    from collections.abc import Iterator

XML = {"Content-Type": "text/xml"}


@dataclass
class Sts:
    """What the service gives, and what it was asked.

    Attributes:
        roles: the ARNs that it gives.
        life: how long what it gives is good for.
        external_id: what it wants to be told, if anything.
        down: answers to give before any other, as an error that passes.
    """

    roles: set[str]
    life: timedelta = timedelta(hours=1)
    external_id: str | None = None
    down: list[Answer] = field(default_factory=list)
    server: StandIn = field(default_factory=StandIn)

    @property
    def asked(self) -> list[dict[str, str]]:
        """The forms of the requests for roles, in order."""
        return [asked.form for asked in self.server.asked]

    def answer(self, asked: Asked) -> Answer:
        """What STS says."""
        if self.down:
            return self.down.pop(0)
        form = asked.form
        if form["RoleArn"] not in self.roles or form.get("ExternalId") != self.external_id:
            return _error(403, "AccessDenied", f"not authorized to perform: sts:AssumeRole on {form['RoleArn']}")
        return Answer(200, self._granted(len(self.server.asked)), XML)

    def _granted(self, number: int) -> bytes:
        expires = (datetime.now(UTC) + self.life).strftime("%Y-%m-%dT%H:%M:%SZ")
        return (
            '<AssumeRoleResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><AssumeRoleResult><Credentials>'
            f"<AccessKeyId>ASIA{number:016}</AccessKeyId><SecretAccessKey>secret-{number}</SecretAccessKey>"
            f"<SessionToken>token-{number}</SessionToken><Expiration>{expires}</Expiration></Credentials>"
            "</AssumeRoleResult></AssumeRoleResponse>"
        ).encode()


def refusal(status: int, code: str) -> Answer:
    """An answer that refuses."""
    return _error(status, code, "said")


@contextmanager
def sts_service(*roles: str, life: timedelta = timedelta(hours=1), external_id: str | None = None) -> Iterator[Sts]:
    """A running STS."""
    sts = Sts(set(roles), life, external_id)
    with stand_in(sts.answer) as server:
        sts.server = server
        yield sts


def _error(status: int, code: str, message: str) -> Answer:
    error = f"<Error><Type>Sender</Type><Code>{code}</Code><Message>{message}</Message></Error>"
    return Answer(status, f"<ErrorResponse>{error}</ErrorResponse>".encode(), XML)
