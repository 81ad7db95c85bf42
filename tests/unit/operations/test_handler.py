from __future__ import annotations

from typing import Any

import pytest

from edgewright.operations import OPERATIONS

LIST = OPERATIONS["ListEdgePackagingJobs"]


@pytest.mark.parametrize(
    ("request_", "quick"),
    [
        ({"MaxResults": 20}, True),
        ({"MaxResults": 1, "StatusEquals": "FAILED"}, True),
        ({"MaxResults": 21}, False),
        ({"MaxResults": 0}, False),
        ({}, False),
        ({"MaxResults": 10, "NameContains": "x"}, False),
        ({"MaxResults": 10, "ModelNameContains": "x"}, False),
    ],
)
def test_a_short_page_along_an_index_is_quick(request_: dict[str, Any], *, quick: bool) -> None:
    assert LIST.is_quick(request_) is quick


def test_these_operations_alone_are_ever_quick() -> None:
    found = {name for name, handler in OPERATIONS.items() if handler.is_quick({"MaxResults": 1})}
    assert found == {
        "DescribeEdgePackagingJob",
        "DescribeCompilationJob",
        "ListEdgePackagingJobs",
        "ListCompilationJobs",
    }
