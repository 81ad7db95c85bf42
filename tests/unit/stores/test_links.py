"""Addresses for anybody: only stores with a server of their own give them."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from pydantic import SecretStr

from edgewright.errors import UriRefused
from edgewright.sections import S3Settings
from edgewright.settings import Settings
from edgewright.stores import S3Uri, open_store
from edgewright.stores.protocols import LinkingStore

LIFE = timedelta(minutes=15)


def s3(**changes: object) -> Settings:
    settings = {"endpoint_url": "http://s3.example:9000", "access_key_id": "AKIA", "secret_access_key": SecretStr("s")}
    return Settings(data_dir=Path("unused"), object_store="s3", s3=S3Settings.model_validate(settings | changes))


def test_a_folder_gives_no_address() -> None:
    assert not isinstance(open_store(Settings(data_dir=Path("unused"))), LinkingStore)


def test_s3_gives_a_pre_signed_address_of_the_object() -> None:
    store = open_store(s3())
    assert isinstance(store, LinkingStore)
    address = urlsplit(store.link(S3Uri("bucket", "a b/+%.tar.gz"), LIFE))
    query = parse_qs(address.query)
    assert (address.scheme, address.netloc) == ("http", "s3.example:9000")
    assert address.path == "/bucket/a%20b/%2B%25.tar.gz"
    assert query["X-Amz-Expires"] == ["900"]
    assert query["X-Amz-Algorithm"] == ["AWS4-HMAC-SHA256"]
    assert query["X-Amz-Credential"][0].startswith("AKIA/")


def test_virtual_hosts_stand_in_the_address() -> None:
    store = open_store(s3(path_style=False))
    assert isinstance(store, LinkingStore)
    assert urlsplit(store.link(S3Uri("bucket", "key"), LIFE)).netloc == "bucket.s3.example:9000"


def test_a_prefix_has_no_address() -> None:
    store = open_store(s3())
    assert isinstance(store, LinkingStore)
    with pytest.raises(UriRefused):
        store.link(S3Uri("bucket", "folder/"), LIFE)
