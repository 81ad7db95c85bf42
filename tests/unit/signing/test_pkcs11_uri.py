"""URIs of RFC 7512."""

from __future__ import annotations

from pathlib import Path

import pytest

from edgewright.errors import KeyUnusable
from edgewright.signing.pkcs11_uri import Pkcs11Uri

REST = "?module-path=/usr/lib/p11.so&pin-source=file:/etc/pin"


def test_a_uri_is_taken_apart() -> None:
    found = Pkcs11Uri.parse(
        "pkcs11:token=my%20token;serial=12%3b3;manufacturer=SoftHSM;model=v2;object=a%C3%A9;id=%01%ff;type=private"
        "?pin-source=file:///etc/my%20pin&module-path=/usr/lib/p11.so"
    )
    assert found.token == {"token": "my token", "serial": "12;3", "manufacturer": "SoftHSM", "model": "v2"}
    assert (found.label, found.key_id) == ("aé", b"\x01\xff")
    assert (found.module, found.pin_file) == (Path("/usr/lib/p11.so"), Path("/etc/my pin"))
    assert Pkcs11Uri.parse(f"pkcs11:id=%01{REST}").label is None


@pytest.mark.parametrize(
    ("uri", "message"),
    [
        (f"pkcs11:token=t{REST}", "names no key"),
        (f"pkcs11:object=k;type=cert{REST}", "another type than private"),
        (f"pkcs11:object=k;slot-id=1{REST}", "the attribute 'slot-id'"),
        (f"pkcs11:object=k;object=l{REST}", "has object twice"),
        (f"pkcs11:object={REST}", "object twice, or without a value"),
        ("pkcs11:object=k?module-path=/m.so", "has no pin-source"),
        ("pkcs11:object=k?pin-source=/pin", "has no module-path"),
        ("pkcs11:object=k?module-path=m.so&pin-source=/pin", "module-path is not an absolute path"),
        ("pkcs11:object=k?module-path=/m.so&pin-source=|cat /pin", "is a program, which is not run"),
        ("pkcs11:object=k?module-path=/m.so&pin-source=https://h/pin", "pin-source is not an absolute path"),
    ],
)
def test_what_is_not_understood_is_refused(uri: str, message: str) -> None:
    with pytest.raises(KeyUnusable, match=message):
        Pkcs11Uri.parse(uri)


def test_a_pin_is_refused_and_not_repeated() -> None:
    with pytest.raises(KeyUnusable, match="holds a PIN") as refused:
        Pkcs11Uri.parse("pkcs11:object=k?module-path=/m.so&pin-value=1234")
    assert "1234" not in refused.value.message
