"""The console over HTTP: who gets in, what they may do there, and what goes out beside the pages."""

from __future__ import annotations

import html
import http.client
import os
import re
import socket
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlencode, urlsplit

import pytest

from acceptance.conftest import archive
from acceptance.running import ACCOUNT, RunningServer, packaging_request, register, serving, wait_for
from edgewright.auth.principals import LOOK_SECONDS
from edgewright.console.packages import AT_ONCE

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

TOKEN = re.compile(r'name="token" value="([0-9a-f]{64})"')
LIMITED = """
[[principal]]
name = "reader"
access_key_id = "AKIAREADER"
secret_access_key = "reader-secret"
account = "123456789012"
allow = ["sagemaker:List*", { actions = ["sagemaker:Describe*"], resources = ["public-*"] }]

[[principal]]
name = "stranger"
access_key_id = "AKIASTRANGER"
secret_access_key = "stranger-secret"
account = "210987654321"

[[principal]]
name = "gone"
access_key_id = "AKIAGONE"
secret_access_key = "gone-secret"
account = "123456789012"
disabled = true
"""


@dataclass
class Answer:
    """What came back."""

    status: int
    headers: Mapping[str, str]
    set_cookies: list[str]
    body: bytes

    @property
    def text(self) -> str:
        return self.body.decode()


@dataclass
class Visitor:
    """Somebody with a jar of cookies, and no more of a browser than that."""

    url: str
    cookies: dict[str, str] = field(default_factory=dict)

    def get(self, path: str, **headers: str) -> Answer:
        return self._send("GET", path, None, headers)

    def post(self, path: str, form: Mapping[str, str], **headers: str) -> Answer:
        body = urlencode(form).encode()
        return self._send("POST", path, body, headers | {"content-type": "application/x-www-form-urlencoded"})

    def token(self, path: str = "/console/sign-in") -> str:
        found = TOKEN.search(self.get(path).text)
        assert found is not None
        return found[1]

    def sign_in(self, keys: tuple[str, str], region: str = "", **headers: str) -> Answer:
        form = {"token": self.token(), "access_key_id": keys[0], "secret_access_key": keys[1]}
        answer = self.post("/console/sign-in", form, **headers)
        if region:
            self.post("/console/region", {"token": self.token("/"), "region": region})
        return answer

    def _send(self, method: str, path: str, body: bytes | None, headers: Mapping[str, str]) -> Answer:
        connection = http.client.HTTPConnection(urlsplit(self.url).netloc, timeout=30)
        cookie = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        sent = {name.replace("_", "-"): value for name, value in headers.items()} | (
            {"cookie": cookie} if cookie else {}
        )
        connection.request(method, path, body, sent)
        answer = connection.getresponse()
        found = Answer(answer.status, dict(answer.headers), answer.headers.get_all("set-cookie") or [], answer.read())
        connection.close()
        for each in found.set_cookies:
            name, _, value = each.partition(";")[0].partition("=")
            self.cookies[name] = value.strip('"')
        return found


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """A server with several principals; a job that waits, since there is no worker."""
    data = tmp_path_factory.mktemp("console") / "data"
    data.mkdir(mode=0o700)
    (data / "principals.toml").touch(mode=0o600)
    (data / "principals.toml").write_text(LIMITED)
    with serving(data, "--no-worker") as server:
        server.client().create_compilation_job(
            CompilationJobName="private-model",
            RoleArn=f"arn:aws:iam::{ACCOUNT}:role/edge",
            InputConfig={"S3Uri": "s3://m/a.tar.gz", "Framework": "ONNX"},
            OutputConfig={"S3OutputLocation": "s3://m/out", "TargetDevice": "rasp4b"},
            StoppingCondition={"MaxRuntimeInSeconds": 900},
        )
        yield server


@pytest.fixture
def visitor(service: RunningServer) -> Visitor:
    return Visitor(service.url)


@pytest.fixture
def owner(service: RunningServer, visitor: Visitor) -> Visitor:
    visitor.sign_in(service.keys)
    return visitor


class TestSigningIn:
    def test_every_page_leads_to_the_form_first_and_back_again(self, service: RunningServer, visitor: Visitor) -> None:
        for path in (
            "/",
            "/console/jobs?q=x",
            "/console/jobs/none",
            "/console/workers",
            "/console/new-job",
            "/console/x",
        ):
            answer = visitor.get(path)
            assert answer.status == 303
            assert answer.headers["location"].startswith("/console/sign-in")
        page = visitor.get("/console/sign-in?next=%2Fconsole%2Fjobs%3Fq%3Dx").text
        found = TOKEN.search(page)
        assert found is not None
        form = {"token": found[1], "access_key_id": service.keys[0], "secret_access_key": service.keys[1]}
        answer = visitor.post("/console/sign-in", form | {"next": "/console/jobs?q=x"})
        assert (answer.status, answer.headers["location"]) == (303, "/console/jobs?q=x")

    @pytest.mark.parametrize(
        "place", ["//evil.example", "https://evil.example", "javascript:x", "/\\evil.example", "/a b", ""]
    )
    def test_nobody_is_led_off_the_server(self, service: RunningServer, visitor: Visitor, place: str) -> None:
        form = {"token": visitor.token(), "access_key_id": service.keys[0], "secret_access_key": service.keys[1]}
        answer = visitor.post("/console/sign-in", form | {"next": place})
        assert answer.headers["location"] == "/"

    def test_little_is_read_of_who_is_not_known_yet(self, service: RunningServer, visitor: Visitor) -> None:
        form = {"token": visitor.token(), "access_key_id": service.keys[0], "secret_access_key": service.keys[1]}
        assert visitor.post("/console/sign-in", form | {"next": "/" + "x" * 20_000}).status == 413
        assert visitor.post("/console/sign-in", form | {"next": "/" + "x" * 10_000}).status == 303

    def test_the_cookie_is_out_of_reach_of_scripts_and_other_sites(
        self, service: RunningServer, visitor: Visitor
    ) -> None:
        answer = visitor.sign_in(service.keys)
        (cookie,) = (each for each in answer.set_cookies if each.startswith("edgewright-session="))
        parts = {part.strip().lower() for part in cookie.split(";")[1:]}
        assert {"httponly", "samesite=strict", "path=/"} <= parts
        assert "secure" not in parts, "over plain http it would not come back"
        assert any(part.startswith("max-age=") for part in parts)
        assert service.keys[1] not in cookie

    def test_over_https_the_cookie_is_secure_and_pages_name_that_address(
        self, service: RunningServer, visitor: Visitor
    ) -> None:
        answer = visitor.sign_in(service.keys, origin="https://edge.example.com")
        assert any("edgewright-session=" in each and "secure" in each.lower() for each in answer.set_cookies)
        assert "https://edge.example.com" in visitor.get("/").text

    @pytest.mark.parametrize(
        "keys", [("AKIANOBODY", "no-secret-at-all"), ("AKIAGONE", "gone-secret"), ("AKIAREADER", "wrong"), ("", "")]
    )
    def test_every_refusal_is_the_same(self, visitor: Visitor, keys: tuple[str, str]) -> None:
        answer = visitor.sign_in(keys)
        assert answer.status == 403
        assert "No access key has this id and this secret." in answer.text
        assert "edgewright-session" not in visitor.cookies
        assert keys[1] == "" or keys[1] not in answer.text

    def test_an_address_that_guesses_has_to_wait(self, tmp_path: Path) -> None:
        with serving(tmp_path / "data", "--no-worker") as server:
            visitor = Visitor(server.url)
            statuses = [visitor.sign_in(("AKIANOBODY", str(number))).status for number in range(10)]
            assert statuses[:8] == [403] * 8
            assert statuses[-1] == 429
            assert visitor.sign_in(server.keys).status == 429, "the right secret would tell that the others were wrong"

    def test_signing_out_ends_it(self, owner: Visitor) -> None:
        token = owner.token("/")
        assert owner.post("/console/sign-out", {"token": token}).status == 303
        assert owner.get("/").status == 303

    def test_servers_of_one_database_share_sessions(self, service: RunningServer, owner: Visitor) -> None:
        with serving(service.data_dir, "--no-worker") as other:
            assert Visitor(other.url, dict(owner.cookies)).get("/").status == 200


class TestForms:
    @pytest.mark.parametrize(
        "path", ["/console/sign-out", "/console/region", "/console/jobs/x/stop", "/console/jobs/x/verify"]
    )
    @pytest.mark.parametrize("token", [None, "", "0" * 64, "é"])
    def test_a_form_without_the_sessions_token_does_nothing(self, owner: Visitor, path: str, token: str | None) -> None:
        answer = owner.post(path, {"region": "eu-west-1"} | ({} if token is None else {"token": token}))
        assert answer.status == 403
        assert owner.get("/").status == 200

    def test_a_form_that_another_site_sends_does_nothing(self, owner: Visitor) -> None:
        token = owner.token("/")
        assert owner.post("/console/sign-out", {"token": token}, sec_fetch_site="cross-site").status == 403
        assert owner.get("/").status == 200

    def test_one_visitors_token_is_of_no_use_to_another(self, service: RunningServer, owner: Visitor) -> None:
        other = Visitor(service.url)
        other.sign_in(("AKIAREADER", "reader-secret"))
        assert owner.post("/console/sign-out", {"token": other.token("/")}).status == 403

    def test_forms_are_bounded(self, owner: Visitor) -> None:
        assert owner.post("/console/region", {"token": owner.token("/"), "region": "x" * 2_000_000}).status == 413
        many = {f"field-{number}": "" for number in range(1000)}
        assert owner.post("/console/region", many).status == 400

    def test_a_region_is_a_name(self, owner: Visitor) -> None:
        assert owner.post("/console/region", {"token": owner.token("/"), "region": "<b>"}).status == 400


class TestRights:
    """Pages may do what the wire may, and nothing else."""

    def test_a_bounded_key_sees_what_its_rules_allow(self, service: RunningServer, visitor: Visitor) -> None:
        visitor.sign_in(("AKIAREADER", "reader-secret"), "eu-west-1")
        assert "private-model" in visitor.get("/console/compilations").text
        refused = visitor.get("/console/compilations/private-model")
        assert refused.status == 403
        assert "not authorized to perform: sagemaker:DescribeCompilationJob" in refused.text
        assert visitor.get("/console/compilations/public-none").status == 404
        assert visitor.get("/console/workers").status == 403
        token = visitor.token("/")
        assert visitor.post("/console/compilations/private-model/stop", {"token": token}).status == 403
        assert (
            service.client().describe_compilation_job(CompilationJobName="private-model")["CompilationJobStatus"]
            == "STARTING"
        )
        start = visitor.get("/").text
        assert str(service.data_dir) not in start, "where the data folder is, is for the owner"
        filled = {
            "token": token,
            "name": "public-new",
            "source": "s3://m/a.tar.gz",
            "framework": "ONNX",
            "output": "s3://m/out",
            "target": "rasp4b",
            "seconds": "900",
            "role": f"arn:aws:iam::{ACCOUNT}:role/edge",
        }
        created = visitor.post("/console/new-compilation", filled)
        assert "not authorized to perform: sagemaker:CreateCompilationJob" in created.text
        assert visitor.get("/console/compilations/public-new").status == 404

    def test_another_account_sees_nothing(self, visitor: Visitor) -> None:
        visitor.sign_in(("AKIASTRANGER", "stranger-secret"), "eu-west-1")
        assert "private-model" not in visitor.get("/console/compilations").text
        assert visitor.get("/console/compilations/private-model").status == 404

    def test_another_region_is_another_place(self, service: RunningServer, visitor: Visitor) -> None:
        visitor.sign_in(service.keys, "us-west-2")
        page = visitor.get("/console/compilations").text
        assert "private-model" not in page
        assert 'value="eu-west-1"' in page, "the empty page leads to the region that has jobs"


def test_a_package_is_for_those_who_may_read_the_object(server: RunningServer, compilation: str) -> None:
    client = server.client()
    client.create_edge_packaging_job(**packaging_request("console-package", compilation))
    job = wait_for(client, "console-package")
    owner = Visitor(server.url)
    owner.sign_in(server.keys, "eu-west-1")
    answer = owner.get("/console/jobs/console-package/package")
    assert answer.body == server.object(job["ModelArtifact"]).read_bytes()
    assert answer.headers["content-disposition"] == "attachment; filename*=UTF-8''digits-1.0.tar.gz"
    assert answer.headers["x-content-type-options"] == "nosniff"
    path = server.data_dir / "principals.toml"
    path.touch(mode=0o600)
    path.write_text(LIMITED.replace("public-*", "*"))
    time.sleep(LOOK_SECONDS * 2)
    try:
        reader = Visitor(server.url)
        reader.sign_in(("AKIAREADER", "reader-secret"), "eu-west-1")
        assert reader.get("/console/jobs/console-package").status == 200
        refused = reader.get("/console/jobs/console-package/package")
        assert refused.status == 403
        assert "s3:GetObject on resource: arn:aws:s3:::packages/out/digits-1.0.tar.gz" in refused.text
    finally:
        path.unlink()


def test_the_lines_that_verify_a_package_do_so(server: RunningServer, compilation: str, tmp_path: Path) -> None:
    client = server.client()
    client.create_edge_packaging_job(**packaging_request("console-verified", compilation))
    wait_for(client, "console-verified")
    owner = Visitor(server.url)
    owner.sign_in(server.keys, "eu-west-1")
    (tmp_path / "digits-1.0.tar.gz").write_bytes(owner.get("/console/jobs/console-verified/package").body)
    page = owner.get("/console/jobs/console-verified").text
    assert "active key of this server" in page
    shown = [html.unescape(found) for found in re.findall(r'<pre id="verify-[^>]*><code>(.*?)</code>', page, re.DOTALL)]
    assert len(shown) == 2
    environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
    for text in shown:
        fetch, lines = text.split("\n", 1)
        command, *_, address = fetch.split()
        assert (command, urlsplit(address).netloc) == ("curl", urlsplit(server.url).netloc)
        (tmp_path / address.rpartition("/")[2]).write_bytes(Visitor(server.url).get(urlsplit(address).path).body)
        subprocess.run(["sh", "-euc", lines], cwd=tmp_path, check=True, env=environment)


class TestWhatGoesOut:
    def test_every_answer_has_the_policy(self, owner: Visitor) -> None:
        for path in (
            "/",
            "/console/jobs",
            "/console/none",
            "/console/jobs/none",
            "/console/static/style.css",
            "/console/sign-in",
        ):
            headers = owner.get(path).headers
            assert headers["content-security-policy"].startswith("default-src 'none'; script-src 'self';")
            assert headers["x-content-type-options"] == "nosniff"
            assert headers["x-frame-options"] == "DENY"

    def test_pages_are_not_kept_and_files_are(self, owner: Visitor) -> None:
        page = owner.get("/")
        assert page.headers["cache-control"] == "no-store"
        files = re.findall(r'"(/console/static/[^"]+)"', page.text)
        assert files
        for file in files:
            assert "immutable" in owner.get(file).headers["cache-control"]
        assert owner.get("/console/static/none.css").status == 404

    def test_no_page_has_a_script_or_a_style_of_its_own(self, owner: Visitor) -> None:
        for path in ("/", "/console/sign-in", "/console/jobs", "/console/new-job", "/console/workers"):
            page = owner.get(path).text
            assert re.findall(r"<script[^>]*>", page) == re.findall(r'<script src="/console/static/[^"]+" defer>', page)
            assert "<style" not in page
            assert "style=" not in page
            assert not re.search(r"\son[a-z]+=", page)

    def test_the_wire_is_where_it_was(self, service: RunningServer, owner: Visitor) -> None:
        answer = owner.post("/", {})
        assert "MissingAuthenticationToken" in answer.headers["x-amzn-errortype"]
        assert owner.get("/health").status == 200
        assert service.client().list_edge_packaging_jobs()["EdgePackagingJobSummaries"] == []

    def test_the_script_learns_that_it_is_signed_out(self, visitor: Visitor) -> None:
        assert visitor.get("/console/jobs", x_fragment="yes").status == 401


def test_verifications_that_nobody_waits_for_make_room(server: RunningServer) -> None:
    """More of them than run at a time, each left behind by its browser."""
    register(server, "console-large", server.put("models", "large.tar.gz", archive({"w": bytes(60_000_000)})))
    client = server.client()
    client.create_edge_packaging_job(**packaging_request("console-large", "console-large", ModelName="large"))
    wait_for(client, "console-large")
    owner = Visitor(server.url)
    owner.sign_in(server.keys, "eu-west-1")
    path, form = "/console/jobs/console-large/verify", {"token": owner.token("/")}
    for _ in range(AT_ONCE + 2):
        _leave_early(owner, path, form)
    until = time.monotonic() + 60
    answer = owner.post(path, form)
    while answer.status == 429 and time.monotonic() < until:
        time.sleep(0.2)
        answer = owner.post(path, form)
    assert answer.status == 200, answer.text
    assert 'data-verdict="verified"' in answer.text
    pieces = owner.post(path, form, x_fragment="yes").body.split(b"\0")
    assert b'data-verdict="verified"' in pieces[-2]
    assert pieces[-1] == b""


def _leave_early(visitor: Visitor, path: str, form: Mapping[str, str]) -> None:
    body = urlencode(form).encode()
    cookie = "; ".join(f"{name}={value}" for name, value in visitor.cookies.items())
    place = urlsplit(visitor.url)
    head = (
        f"POST {path} HTTP/1.1\r\nHost: {place.netloc}\r\nCookie: {cookie}\r\nx-fragment: yes\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    with socket.create_connection((str(place.hostname), int(place.port or 0))) as connection:
        connection.sendall(head.encode() + body)
        connection.recv(64)


def test_a_public_address_is_what_pages_show(tmp_path: Path) -> None:
    public = {"EDGEWRIGHT_PUBLIC_URL": "https://edge.example.com"}
    with serving(tmp_path / "data", "--no-worker", environment=public) as server:
        visitor = Visitor(server.url)
        answer = visitor.sign_in(server.keys, origin="http://elsewhere.example")
        assert any("edgewright-session=" in each and "secure" in each.lower() for each in answer.set_cookies)
        page = visitor.get("/").text
        assert "--endpoint-url https://edge.example.com" in page
        assert "elsewhere" not in page


def test_there_need_be_no_console(tmp_path: Path) -> None:
    with serving(tmp_path / "data", "--no-worker", environment={"EDGEWRIGHT_CONSOLE__ENABLED": "false"}) as server:
        assert Visitor(server.url).get("/").status == 404
        assert Visitor(server.url).get("/console/sign-in").status == 404
        assert server.client().list_edge_packaging_jobs()["EdgePackagingJobSummaries"] == []
