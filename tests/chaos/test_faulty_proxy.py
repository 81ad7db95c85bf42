"""The faulty proxy breaks the requests that it is asked to break, and no others."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Any

import pytest

from contract.s3_service import S3Service, s3_service
from faulty_proxy import Choose, Fault, Rates, faulty_proxy, never, rates_from_json, seeded

if TYPE_CHECKING:
    from collections.abc import Iterator

BUCKET, KIB = "bucket", 1024


@pytest.fixture(scope="module")
def service() -> Iterator[S3Service]:
    with s3_service() as running:
        running.client().create_bucket(Bucket=BUCKET)
        yield running


def client(url: str, service: S3Service, attempts: int = 1) -> Any:
    import boto3
    from botocore.config import Config

    config = Config(
        retries={"total_max_attempts": attempts, "mode": "standard"},
        s3={"addressing_style": "path"},
        read_timeout=5,
    )
    return boto3.client(
        "s3",
        endpoint_url=url,
        region_name="us-east-1",
        aws_access_key_id=service.key,
        aws_secret_access_key=service.secret,
        config=config,
    )


def first(fault: Fault) -> Choose:
    """Only the first request meets the fault."""
    return lambda number, _method, _target: fault if number == 0 else None


def test_without_faults_everything_passes_unchanged(service: S3Service) -> None:
    body = secrets.token_bytes(300 * KIB)
    with faulty_proxy(service.url) as proxy:
        s3 = client(proxy.url, service)
        s3.put_object(Bucket=BUCKET, Key="k", Body=body)
        assert s3.get_object(Bucket=BUCKET, Key="k")["Body"].read() == body
        assert s3.head_object(Bucket=BUCKET, Key="k")["ContentLength"] == len(body)
        s3.delete_object(Bucket=BUCKET, Key="k")
    assert [each.method for each in proxy.seen] == ["PUT", "GET", "HEAD", "DELETE"]
    assert proxy.counts() == {"passed": 4}


@pytest.mark.parametrize("fault", list(Fault))
def test_a_client_that_retries_reads_through_each_fault(service: S3Service, fault: Fault) -> None:
    body = secrets.token_bytes(100 * KIB)
    service.client().put_object(Bucket=BUCKET, Key="k", Body=body)
    with faulty_proxy(service.url, first(fault), stall_seconds=0.1) as proxy:
        s3 = client(proxy.url, service, attempts=3)
        try:
            found = s3.get_object(Bucket=BUCKET, Key="k")["Body"].read()
        except Exception:  # noqa: BLE001 - a body that breaks off is the reader's to ask for again
            assert fault is Fault.TRUNCATION
            found = s3.get_object(Bucket=BUCKET, Key="k")["Body"].read()
    assert found == body
    assert proxy.counts()[fault.value] == 1


@pytest.mark.parametrize("fault", list(Fault))
def test_which_faults_a_client_that_asks_once_can_see(service: S3Service, fault: Fault) -> None:
    service.client().delete_object(Bucket=BUCKET, Key="once")
    with faulty_proxy(service.url, first(fault), stall_seconds=0.1) as proxy:
        s3 = client(proxy.url, service)
        if fault in {Fault.STALL, Fault.STALL_AFTER, Fault.TRUNCATION}:  # a PUT's answer has no body to cut
            s3.put_object(Bucket=BUCKET, Key="once", Body=b"x" * KIB)
        else:
            with pytest.raises(Exception, match=r"InternalError|SlowDown|reset|closed"):
                s3.put_object(Bucket=BUCKET, Key="once", Body=b"x" * KIB)
    listed = service.client().list_objects_v2(Bucket=BUCKET, Prefix="once")["KeyCount"]
    assert listed == (fault not in {Fault.ERROR, Fault.SLOW_DOWN, Fault.RESET})


def test_a_server_that_is_gone_is_a_500(service: S3Service) -> None:
    with faulty_proxy("http://127.0.0.1:9") as proxy, pytest.raises(Exception, match="InternalError"):
        client(proxy.url, service).put_object(Bucket=BUCKET, Key="k", Body=b"x")


def test_the_seed_decides() -> None:
    rates = Rates(error=0.1, stall=0.2)
    one, again, other = seeded(1, rates), seeded(1, rates), seeded(2, rates)
    faults = [one(number, "GET", "/") for number in range(1000)]
    assert faults == [again(number, "GET", "/") for number in range(1000)]
    assert faults != [other(number, "GET", "/") for number in range(1000)]
    assert 50 < faults.count(Fault.ERROR) < 150
    assert 130 < faults.count(Fault.STALL) < 270
    assert set(faults) == {Fault.ERROR, Fault.STALL, None}
    assert never(0, "GET", "/") is None


def test_rates_that_cannot_be() -> None:
    with pytest.raises(ValueError, match="add up to"):
        seeded(1, Rates(error=0.6, stall=0.6))
    with pytest.raises(ValueError, match="No such rates: \\['slow'\\]"):
        rates_from_json('{"slow": 1}')
    assert rates_from_json('{"lost": 0.5}') == Rates(lost=0.5)
