"""Each moment is told from what can be seen from outside."""

from __future__ import annotations

from typing import Any

import pytest

from torture.moments import Moment, moment


@pytest.mark.parametrize(
    ("job", "seen", "wanted"),
    [
        (("STARTING", 0, None, 0), {"held": False}, Moment.WAITING),
        (("INPROGRESS", 9, "s3://a", 0), {"held": False}, Moment.WAITING),
        (("STARTING", 0, None, 0), {}, Moment.CLAIMED),
        (("INPROGRESS", 0, None, 0), {}, Moment.BEGUN),
        (("INPROGRESS", 9, None, 0), {}, Moment.STREAMING),
        (("INPROGRESS", 9, "s3://a", 0), {}, Moment.NOTED),
        (("INPROGRESS", 9, "s3://a", 0), {"stored": True}, Moment.STORED),
        (("INPROGRESS", 9, "s3://a", 0), {"stored": True, "packaged": True}, Moment.PACKAGED),
        (("INPROGRESS", 9, "s3://a", 1), {"stored": True, "packaged": True}, Moment.COMPONENT),
        (("COMPLETED", 9, "s3://a", 1), {"stored": True, "packaged": True}, Moment.COMPLETED),
        (("COMPLETED", 9, "s3://a", 1), {"held": False}, Moment.OVER),
        (("FAILED", 9, None, 0), {"held": False}, Moment.OVER),
    ],
)
def test_moments(job: Any, seen: dict[str, bool], wanted: Moment) -> None:
    assert moment(job, **({"held": True, "packaged": False, "stored": False} | seen)) is wanted
