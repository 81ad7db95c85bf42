from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgewright.arns import ComponentArn, name_fault

ACCOUNT = "123456789012"
NAMES = st.text("abcXYZ0189-_.", min_size=1, max_size=128)


@given(NAMES, st.sampled_from(["eu-west-1", "cn-north-1", "us-gov-west-1"]), st.sampled_from([None, "1.0.0-rc.1"]))
def test_an_arn_is_read_as_it_was_written(name: str, region: str, version: str | None) -> None:
    arn = ComponentArn(ACCOUNT, region, name, version)
    assert ComponentArn.parse(str(arn)) == arn


def test_the_form_is_that_of_aws() -> None:
    assert str(ComponentArn(ACCOUNT, "us-east-1", "sample-component-name", "1.0.2")) == (
        "arn:aws:greengrass:us-east-1:123456789012:components:sample-component-name:versions:1.0.2"
    )
    assert str(ComponentArn(ACCOUNT, "cn-north-1", "a")) == "arn:aws-cn:greengrass:cn-north-1:123456789012:components:a"


@pytest.mark.parametrize(
    "arn",
    [
        "",
        "arn:aws:greengrass:eu-west-1:123456789012:components:",
        "arn:aws:greengrass:eu-west-1:123456789012:components:a b",
        "arn:aws:greengrass:eu-west-1:123456789012:components:a:versions:",
        "arn:aws:greengrass:eu-west-1:1234:components:a",
        "arn:aws:greengrass:cn-north-1:123456789012:components:a",
        "arn:aws:sagemaker:eu-west-1:123456789012:edge-packaging-job/a",
        f"arn:aws:greengrass:eu-west-1:123456789012:components:{'a' * 129}",
        "arn:aws:greengrass:eu-west-1:123456789012:components:a\n",
    ],
)
def test_what_names_no_component_is_refused(arn: str) -> None:
    with pytest.raises(ValueError, match="is not the ARN of a component"):
        ComponentArn.parse(arn)


def test_names_have_bounds() -> None:
    assert name_fault("a" * 128) is None
    assert name_fault("a" * 129) == "has 129 characters, and 128 are allowed"
    for name in ("", "a b", "ä", "a/b", "a\n"):
        assert "may hold letters" in str(name_fault(name))
