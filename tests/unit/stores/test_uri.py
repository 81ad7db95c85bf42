"""S3 URIs: every documented form, and everything that is refused."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgewright.errors import UriRefused
from edgewright.stores.uri import S3Uri


@pytest.mark.parametrize(
    ("text", "bucket", "key"),
    [
        ("s3://b/k", "b", "k"),
        ("s3://my-bucket/a/b.tar.gz", "my-bucket", "a/b.tar.gz"),
        ("s3://my.dotted.bucket/a", "my.dotted.bucket", "a"),
        ("s3://bucket", "bucket", ""),
        ("s3://bucket/", "bucket", ""),
        ("s3://bucket/prefix/", "bucket", "prefix/"),
        ("s3://bucket/as%20given?x#y", "bucket", "as%20given?x#y"),
        ("s3://bucket/ü 日本", "bucket", "ü 日本"),
        ("https://s3.amazonaws.com/bucket/a/b", "bucket", "a/b"),
        ("https://s3.eu-west-1.amazonaws.com/bucket/a/b", "bucket", "a/b"),
        ("https://s3-eu-west-1.amazonaws.com/bucket/a", "bucket", "a"),
        ("https://s3.us-gov-west-1.amazonaws.com/bucket/a", "bucket", "a"),
        ("https://s3-us-gov-west-1.amazonaws.com/bucket/a", "bucket", "a"),
        ("https://s3.dualstack.eu-west-1.amazonaws.com/bucket/a", "bucket", "a"),
        ("https://s3-fips.us-east-1.amazonaws.com/bucket/a", "bucket", "a"),
        ("https://s3-fips.dualstack.us-east-1.amazonaws.com/bucket/a", "bucket", "a"),
        ("https://s3-external-1.amazonaws.com/bucket/a", "bucket", "a"),
        ("https://s3.cn-north-1.amazonaws.com.cn/bucket/a", "bucket", "a"),
        ("https://bucket.s3.amazonaws.com/a/b", "bucket", "a/b"),
        ("https://bucket.s3.eu-west-1.amazonaws.com/a/b", "bucket", "a/b"),
        ("https://bucket.s3-eu-west-1.amazonaws.com/a", "bucket", "a"),
        ("https://bucket.s3.dualstack.eu-west-1.amazonaws.com/a", "bucket", "a"),
        ("https://bucket.s3-accelerate.amazonaws.com/a", "bucket", "a"),
        ("https://bucket.s3-accelerate.dualstack.amazonaws.com/a", "bucket", "a"),
        ("https://bucket.s3.cn-northwest-1.amazonaws.com.cn/a", "bucket", "a"),
        ("https://my.dotted.bucket.s3.us-east-1.amazonaws.com/a", "my.dotted.bucket", "a"),
        ("https://my.s3.us-east-1.bucket.s3.us-east-1.amazonaws.com/a", "my.s3.us-east-1.bucket", "a"),
        ("https://s3-models.s3.amazonaws.com/a", "s3-models", "a"),
        ("https://bucket.s3.amazonaws.com/", "bucket", ""),
        ("https://s3.us-east-1.amazonaws.com/bucket", "bucket", ""),
        ("https://bucket.s3.amazonaws.com/with%20space/100%25/a%2Bb+c", "bucket", "with space/100%/a+b+c"),
        ("https://bucket.s3.amazonaws.com/%E6%97%A5%3F%23", "bucket", "日?#"),
        ("https://bucket.s3.amazonaws.com/once%2520only", "bucket", "once%20only"),
    ],
)
def test_every_form_is_read(text: str, bucket: str, key: str) -> None:
    assert S3Uri.parse(text) == S3Uri(bucket, key)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "not an S3 URI"),
        ("bucket/key", "not an S3 URI"),
        ("http://bucket.s3.amazonaws.com/k", "not an S3 URI"),
        ("S3://bucket/key", "not an S3 URI"),
        ("s3:/bucket/key", "not an S3 URI"),
        ("file:///etc/passwd", "not an S3 URI"),
        ("s3://", "not a bucket's name"),
        ("s3:///key", "not a bucket's name"),
        ("s3://../key", "not a bucket's name"),
        ("s3://.staging/key", "not a bucket's name"),
        ("s3://a..b/key", "not a bucket's name"),
        ("s3://-a/key", "not a bucket's name"),
        ("s3://a-/key", "not a bucket's name"),
        ("s3://a b/key", "not a bucket's name"),
        ("s3://user@host/key", "not a bucket's name"),
        ("s3://bucket:80/key", "not a bucket's name"),
        ("s3://bücket/key", "not a bucket's name"),
        (f"s3://{'b' * 64}/key", "not a bucket's name"),
        ("s3://bucket\n/key", "not a bucket's name"),
        ("s3://bucket/..", "leave its place"),
        ("s3://bucket/../other/key", "leave its place"),
        ("s3://bucket/a/../b", "leave its place"),
        ("s3://bucket/a/..", "leave its place"),
        ("s3://bucket/a/../", "leave its place"),
        ("s3://bucket/./a", "leave its place"),
        ("s3://bucket//a", "empty part"),
        ("s3://bucket/a//b", "empty part"),
        ("s3://bucket/a//", "empty part"),
        ("s3://bucket/a\x00b", "control character"),
        ("s3://bucket/a\nb", "control character"),
        ("s3://bucket/a\x7f", "control character"),
        ("s3://bucket/\ud800", "not valid Unicode"),
        (f"s3://bucket/{'é' * 513}", "1026 bytes long"),
        ("https://example.com/bucket/key", "does not name an S3 host"),
        ("https://amazonaws.com/bucket/key", "does not name an S3 host"),
        ("https://s3.amazonaws.com.example.com/bucket/key", "does not name an S3 host"),
        ("https://s3xamazonaws.com/bucket/key", "does not name an S3 host"),
        ("https://bucket.s3-website.eu-west-1.amazonaws.com/k", "does not name an S3 host"),
        ("https://s3-accelerate.amazonaws.com/bucket/k", "does not name an S3 host"),
        ("https://s3.amazonaws.com:8443/bucket/k", "does not name an S3 host"),
        ("https://s3.amazonaws.com/", "not a bucket's name"),
        ("https://me:pw@bucket.s3.amazonaws.com/k", "not a bucket's name"),
        ("https://bucket.s3.amazonaws.com/k?versionId=1", "query or a fragment"),
        ("https://bucket.s3.amazonaws.com/k#part", "query or a fragment"),
        ("https://bucket.s3.amazonaws.com/50%", "two hexadecimal digits"),
        ("https://bucket.s3.amazonaws.com/%zz", "two hexadecimal digits"),
        ("https://bucket.s3.amazonaws.com/%ff", "UTF-8"),
        ("https://bucket.s3.amazonaws.com/a%00", "control character"),
        ("https://bucket.s3.amazonaws.com/%2e%2e/secret", "leave its place"),
        ("https://bucket.s3.amazonaws.com/a%2F%2E%2E%2Fb", "leave its place"),
        ("https://s3.amazonaws.com/%2e%2e/key", "not a bucket's name"),
    ],
)
def test_what_cannot_be_used_is_refused(text: str, reason: str) -> None:
    with pytest.raises(UriRefused, match=reason):
        S3Uri.parse(text)


def test_a_value_is_checked_however_it_is_made() -> None:
    with pytest.raises(UriRefused):
        S3Uri("bucket", "../x")
    with pytest.raises(UriRefused):
        S3Uri("..", "x")


@pytest.mark.parametrize(
    ("prefix", "uri"),
    [
        ("s3://b", "s3://b/model-1.tar.gz"),
        ("s3://b/", "s3://b/model-1.tar.gz"),
        ("s3://b/out", "s3://b/out/model-1.tar.gz"),
        ("s3://b/out/", "s3://b/out/model-1.tar.gz"),
        ("s3://b/out/deep/", "s3://b/out/deep/model-1.tar.gz"),
    ],
)
def test_joining_puts_one_slash_between(prefix: str, uri: str) -> None:
    assert str(S3Uri.parse(prefix).joined("model-1.tar.gz")) == uri


def test_joining_checks_the_name() -> None:
    with pytest.raises(UriRefused, match="leave its place"):
        S3Uri("b", "out").joined("../x")
    with pytest.raises(UriRefused, match="bytes long"):
        S3Uri("b", "x" * 1020).joined("name")


def test_a_prefix_has_no_object_key() -> None:
    assert S3Uri("b", "a/k").object_key == "a/k"
    for key in ("", "a/"):
        with pytest.raises(UriRefused, match="Give the object's whole key"):
            _ = S3Uri("b", key).object_key


def test_messages_stay_short() -> None:
    with pytest.raises(UriRefused) as raised:
        S3Uri.parse("gopher://" + "x" * 10_000)
    assert len(raised.value.message) < 400


@given(st.text(max_size=60))
def test_any_text_is_read_back_or_refused(text: str) -> None:
    try:
        uri = S3Uri.parse(f"s3://bucket/{text}")
    except UriRefused:
        return
    assert uri.key == text
    assert S3Uri.parse(str(uri)) == uri
    assert not {"..", "."} & set(uri.key.split("/"))
