from __future__ import annotations

import pytest

from edgewright.auth.principals import Principal
from edgewright.auth.signing_in import REFUSED, Attempts, identify
from edgewright.errors import AccessDenied, Throttled

PLAIN = Principal("AKIAPLAIN", "secret", "123456789012")
TEMPORARY = Principal("ASIATEMPORARY", "secret", "123456789012", session_token="token")
KNOWN = {each.access_key_id: each for each in (PLAIN, TEMPORARY)}


def test_a_key_and_its_secret_identify() -> None:
    assert identify(KNOWN.get, "AKIAPLAIN", "secret", "") is PLAIN
    assert identify(KNOWN.get, "ASIATEMPORARY", "secret", "token") is TEMPORARY


@pytest.mark.parametrize(
    ("key", "secret", "token"),
    [
        ("AKIANOBODY", "secret", ""),
        ("AKIANOBODY", "x" * 40, ""),
        ("AKIAPLAIN", "Secret", ""),
        ("AKIAPLAIN", "", ""),
        ("AKIAPLAIN", "sécret", ""),
        ("AKIAPLAIN", "secret", "token"),
        ("ASIATEMPORARY", "secret", ""),
        ("ASIATEMPORARY", "secret", "other"),
        ("", "", ""),
    ],
)
def test_every_refusal_reads_the_same(key: str, secret: str, token: str) -> None:
    with pytest.raises(AccessDenied) as refused:
        identify(KNOWN.get, key, secret, token)
    assert refused.value.message == REFUSED


class TestAttempts:
    def test_an_address_has_a_few_refusals_and_then_waits(self) -> None:
        attempts = Attempts(rate=0.5, burst=3)
        for _ in range(3):
            attempts.check("a", 0.0)
            attempts.refuse("a", 0.0)
        with pytest.raises(Throttled):
            attempts.check("a", 1.9)
        attempts.check("b", 1.9)
        attempts.check("a", 2.0)

    def test_only_refusals_count(self) -> None:
        attempts = Attempts(rate=0.01, burst=1, server=2)
        for number in range(100):
            attempts.check(str(number % 3), 0.0)
        attempts.refuse("0", 0.0)  # and the server has one left, for which nobody's look was counted
        with pytest.raises(Throttled):
            attempts.check("0", 0.0)
        attempts.check("1", 0.0)

    def test_many_addresses_together_have_a_bound(self) -> None:
        attempts = Attempts(rate=0.01, burst=2, server=3)
        for number in range(6):
            attempts.check(str(number), 0.0)
            attempts.refuse(str(number), 0.0)
        with pytest.raises(Throttled):
            attempts.check("another", 0.0)

    def test_it_remembers_so_many_addresses_and_no_more(self) -> None:
        attempts = Attempts(most=10)
        for number in range(1000):
            attempts.refuse(str(number), 0.0)
        assert len(attempts._buckets) <= 10
