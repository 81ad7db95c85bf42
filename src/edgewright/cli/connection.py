"""How commands that act on a running service reach it: as clients of its API, through boto3."""

from __future__ import annotations

import configparser
import json
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlencode

import typer

from edgewright.errors import AccessDenied, ServiceRefused, ServiceUnreachable, SettingsRefused

DEFAULT_REGION = "us-east-1"
SECONDS = 10
"""How long the service may keep a reader of its pages waiting."""
PIECE = 1024 * 1024

EndpointUrl = Annotated[
    str | None, typer.Option("--endpoint-url", envvar="AWS_ENDPOINT_URL", help="The service's address.")
]
Region = Annotated[str | None, typer.Option("--region", help="The region whose jobs are meant.")]
DataDir = Annotated[Path | None, typer.Option("--data-dir", help="The server's data folder: its address and key.")]

Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@dataclass(frozen=True, slots=True)
class Connection:
    """Where the service is, and in which region; credentials are looked up when it is opened."""

    endpoint_url: str | None
    region: str | None
    data_dir: Path | None

    def client(self, service: str = "sagemaker") -> Any:
        """A boto3 client of one of the AWS services whose API edgewright answers.

        The endpoint is the flag's, the environment's, else the one that the server wrote into the data folder.
        Credentials are AWS's usual ones, else those in the data folder.
        """
        from botocore.config import Config

        session = self._session()
        return session.client(
            service,
            endpoint_url=self.endpoint_url or _folder_endpoint(self._folder),
            region_name=self.region or session.region_name or DEFAULT_REGION,
            config=Config(retries={"mode": "standard", "max_attempts": 3}, connect_timeout=5),
        )

    def get(self, client: Any, path: str, query: Sequence[tuple[str, str]]) -> tuple[int, bytes]:
        """The answer to a GET of one of the service's own pages, signed as a client's calls are: status and body."""
        answer = self._answer(client, path, query, stream=False)
        return answer.status_code, answer.content

    def document(self, client: Any, path: str, query: Sequence[tuple[str, str]]) -> Any:
        """The JSON of such an answer.

        Raises:
            ServiceRefused: the answer is an error.
        """
        return json.loads(_accepted(self._answer(client, path, query, stream=False)).content)

    def pieces(self, client: Any, path: str, query: Sequence[tuple[str, str]]) -> tuple[int, Iterator[bytes]]:
        """How many bytes such an answer has, and these, as they come.

        Raises:
            ServiceRefused: the answer is an error.
        """
        answer = _accepted(self._answer(client, path, query, stream=True))
        return int(answer.headers["content-length"]), _read(answer.raw)

    def _answer(self, client: Any, path: str, query: Sequence[tuple[str, str]], *, stream: bool) -> Any:
        from botocore.auth import SigV4Auth
        from botocore.awsrequest import AWSRequest
        from botocore.httpsession import URLLib3Session

        url = f"{client.meta.endpoint_url}{path}" + (f"?{urlencode(query)}" if query else "")
        request = AWSRequest("GET", url, stream_output=stream)
        SigV4Auth(self._session().get_credentials(), "sagemaker", client.meta.region_name).add_auth(request)
        return URLLib3Session(timeout=SECONDS).send(request.prepare())

    def _session(self) -> Any:
        import boto3

        session = boto3.Session()
        keys = {} if session.get_credentials() and self.data_dir is None else _folder_keys(self._folder)
        return boto3.Session(**keys)

    @property
    def _folder(self) -> Path:
        return self.data_dir or Path(os.environ.get("EDGEWRIGHT_DATA_DIR", "edgewright-data"))


def _accepted(answer: Any) -> Any:
    if answer.status_code != HTTPStatus.OK:
        try:
            error = json.loads(answer.content)
            text = f"{error.get('__type', answer.status_code)}: {error.get('message', '')}"
        except (ValueError, AttributeError):  # a proxy's answer, or an older service's
            text = f"The service answered with HTTP status {answer.status_code}."
        raise ServiceRefused(text)
    return answer


def _read(raw: Any) -> Iterator[bytes]:
    from urllib3.exceptions import HTTPError

    try:
        yield from raw.stream(PIECE, decode_content=False)
    except HTTPError as error:
        raise ServiceUnreachable(f"The service broke off: {error}.") from error


@contextmanager
def opened(connection: Connection, service: str = "sagemaker") -> Iterator[Any]:
    """A client; what goes wrong inside the block becomes one of our errors, with AWS's own words."""
    from botocore import exceptions

    try:
        yield connection.client(service)
    except exceptions.ClientError as error:
        found = error.response["Error"]
        raise ServiceRefused(f"{found['Code']}: {found['Message']}") from error
    except exceptions.NoCredentialsError as error:
        raise AccessDenied("No credentials found. Set AWS_PROFILE or AWS_ACCESS_KEY_ID, or give --data-dir.") from error
    except exceptions.EndpointConnectionError as error:
        raise ServiceUnreachable(
            f"{error} Is `edgewright serve` running? Give its address with --endpoint-url."
        ) from error
    except exceptions.BotoCoreError as error:
        raise ServiceUnreachable(str(error)) from error


def members_of(response: dict[str, Any]) -> dict[str, Any]:
    """A response without what the HTTP exchange adds to it."""
    return {name: value for name, value in response.items() if name != "ResponseMetadata"}


def _folder_endpoint(folder: Path) -> str:
    try:
        return (folder / "endpoint").read_text(encoding="utf-8").strip()
    except OSError as error:
        raise SettingsRefused(
            f"No service address: {folder / 'endpoint'} is not there. Start `edgewright serve`, or give "
            "--endpoint-url, AWS_ENDPOINT_URL or the server's --data-dir."
        ) from error


def _folder_keys(folder: Path) -> dict[str, str]:
    """The key in the folder's credentials file, or nothing where there is none: boto3 then says what it misses."""
    file = configparser.ConfigParser(interpolation=None)
    file.read(folder / "credentials", encoding="utf-8")
    if not file.has_section("default"):
        return {}
    names = ("aws_access_key_id", "aws_secret_access_key", "aws_session_token")
    return {name: file["default"][name] for name in names if name in file["default"]}
