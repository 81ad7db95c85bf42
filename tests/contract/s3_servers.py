"""The S3 servers that the tests know, of three makers, and in what each differs from S3."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import pytest

from contract.ceph_service import ceph_service, missing_programs
from contract.rclone_service import rclone_service
from contract.s3_service import S3Service, s3_service

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from contextlib import AbstractContextManager

S3_SERVERS: Final[Mapping[str, Callable[[], AbstractContextManager[S3Service]]]] = {
    "s3": s3_service,
    "rclone": rclone_service,
    "ceph": ceph_service,
}

OTHERS: Final = [pytest.param(name, marks=pytest.mark.slow) for name in S3_SERVERS if name != "s3"]
"""Parameters of tests that run on the servers of other makers as well."""

_WHOLE = "the ETag of an object is the MD5 of its bytes, from which its parts do not show: it would be sent again"
_LOST = ("lost", "reset_after", "stall_after", "truncation")

DIFFERENCES: Final[Mapping[str, str]] = {
    "test_completing_again_is_completing_once[rclone]": _WHOLE,
    "test_a_completed_upload_is_known_by_its_object[rclone]": _WHOLE,
    "test_a_lost_answer_to_the_completion_is_found_out[rclone]": _WHOLE,
    **{f"test_an_upload_in_parts_survives[rclone-POST-?uploadId=-{fault}]": _WHOLE for fault in _LOST},
    "test_a_part_of_the_same_number_is_replaced[rclone]": "a part cannot be replaced by one of other bytes",
}
"""By test, why it does not hold on its server. Such a test has to fail, so that the table stays true."""


def server_of(request: pytest.FixtureRequest, name: str) -> S3Service:
    """The session's server of that name, for a test that is marked where it is known not to hold on it."""
    why = DIFFERENCES.get(request.node.name)
    if why is not None:
        request.applymarker(pytest.mark.xfail(reason=why, strict=True))
    service: S3Service = request.getfixturevalue(f"{name}_server")
    return service


def skip_without_programs(name: str) -> None:
    """Skip a test whose server is not installed."""
    if name == "ceph" and (missing := missing_programs()):
        pytest.skip(f"Ceph is not installed: there is no {', '.join(missing)}")
