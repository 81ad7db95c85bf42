from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgewright.compiling.backends import check
from edgewright.compiling.configs import InputShape, parse_compiler_options, parse_data_input_config
from edgewright.compiling.spec import CompilationSpec
from edgewright.errors import ValidationFault


@pytest.mark.parametrize(
    ("text", "shapes"),
    [
        ('{"input":[1,3,224,224]}', (InputShape("input", (1, 3, 224, 224)),)),
        ('{"b": [1], "a": []}', (InputShape("b", (1,)), InputShape("a", ()))),
        ("[[1,3,224,224]]", (InputShape(None, (1, 3, 224, 224)),)),
        ("[[1, 2], [3]]", (InputShape(None, (1, 2)), InputShape(None, (3,)))),
    ],
)
def test_both_forms_are_read(text: str, shapes: tuple[InputShape, ...]) -> None:
    assert parse_data_input_config(text) == shapes


@pytest.mark.parametrize(
    "text",
    [
        "", "x", "{}", "[]", "3", "null", '"input"', "[1,3,224,224]", "{'input':[1,3]}", '{"input":[1,-1]}',
        '{"input":[0]}', '{"input":[1.0]}', '{"input":[true]}', '{"input":["1"]}', '{"input":{"shape":[1]}}',
        '{"input":[1],"input":[2]}', '{"input":[2147483648]}', "[[1],null]", "[" * 20_000, '{"input":[NaN]}',
    ],
)  # fmt: skip
def test_other_texts_are_refused(text: str) -> None:
    with pytest.raises(ValidationFault, match="DataInputConfig") as raised:
        parse_data_input_config(text)
    assert len(raised.value.message) < 700


@given(st.text(max_size=40))
def test_no_text_gets_past_as_another_error(text: str) -> None:
    for parse in (parse_data_input_config, lambda given: parse_compiler_options(given, "LINUX")):
        try:
            parse(text)
        except ValidationFault as fault:
            assert fault.message


@pytest.mark.parametrize(
    ("text", "os"),
    [
        ('{"mcpu": "skylake-avx512"}', "LINUX"),
        ('{"mattr": ["+neon", "+vfpv4"]}', "LINUX"),
        ('{"ANDROID_PLATFORM": 28, "mattr": ["+neon"]}', "ANDROID"),
        ("{} ", "WINDOWS"),
    ],
)
def test_what_any_onnx_runtime_meets_is_accepted(text: str, os: str) -> None:
    assert isinstance(parse_compiler_options(text, os), dict)


@pytest.mark.parametrize(
    ("text", "os"),
    [
        ('{"gpu-code": "sm_62", "trt-ver": "6.0.1", "cuda-ver": "10.0"}', "LINUX"),
        ('{"dtype": "float16"}', "LINUX"),
        ('{"ANDROID_PLATFORM": 28}', "LINUX"),
        ('{"ANDROID_PLATFORM": 30}', "ANDROID"),
        ('{"ANDROID_PLATFORM": "28"}', "ANDROID"),
        ('{"mattr": "+neon"}', "LINUX"),
        ('{"mcpu": 1}', "LINUX"),
        ('"--verbose 1 -O2"', "LINUX"),
        ("{'mattr': ['+neon']}", "LINUX"),
        ("[1]", "LINUX"),
    ],
)
def test_options_that_cannot_be_honoured_are_refused(text: str, os: str) -> None:
    with pytest.raises(ValidationFault, match="CompilerOptions"):
        parse_compiler_options(text, os)


@pytest.mark.parametrize(
    ("member", "value"),
    [("data_input_config", "{'x': 1}"), ("compiler_options", '{"dtype": "x"}'), ("framework_version", "1.8.0")],
)
def test_a_bad_member_is_refused_when_the_job_is_created(member: str, value: str) -> None:
    with pytest.raises(ValidationFault):
        check(CompilationSpec("ONNX", target_device="rasp4b", **{member: value}))  # type: ignore[arg-type]
