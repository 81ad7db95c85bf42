"""The backend for Framework ONNX: ONNX Runtime's optimised graph in its own format, for CPUs.

The graph is optimised up to ORT_ENABLE_EXTENDED. ONNX Runtime's documentation has the levels up to that one as graph
rewrites for the CPU provider; the level above, layout optimisation, lays weights out for the x86 kernels of the
machine that compiles. What else differs between ARM and x86 is how 8-bit quantised graphs are read, for which ONNX
Runtime's own converter sets `session.qdqisint8allowed` by the target.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from edgewright.compiling import confinement
from edgewright.compiling.archives import size_of
from edgewright.compiling.compiled import Built, Tensor
from edgewright.compiling.configs import parse_compiler_options, parse_data_input_config
from edgewright.compiling.targets import Platform, platform_of
from edgewright.errors import ModelRefused, ValidationFault, about

if TYPE_CHECKING:
    from pathlib import Path

    from edgewright.compiling.spec import CompilationSpec

MODEL_MEMBER = "model.ort"

_PLATFORMS = frozenset(
    Platform(os, arch)
    for os, archs in {
        "LINUX": ("X86_64", "X86", "ARM64", "ARM_EABIHF"),
        "ANDROID": ("X86_64", "X86", "ARM64", "ARM_EABI"),
        "WINDOWS": ("X86_64", "X86"),
    }.items()
    for arch in archs
)
_UNKNOWN = re.compile(r"No Op registered for|is not a registered function/op")
_NAME = "ONNX Runtime, the backend for Framework ONNX,"


@dataclass(frozen=True, slots=True)
class OnnxRuntime:
    """See `backends.Backend`."""

    def check(self, spec: CompilationSpec) -> None:
        """See `backends.Backend.check`."""
        with about("outputConfig.targetDevice"):
            platform = platform_of(spec, _PLATFORMS, _NAME)
        if spec.framework_version is not None:
            raise ValidationFault(
                f"FrameworkVersion {spec.framework_version!r} does not apply to ONNX: a model's file says its own "
                f"version. Leave FrameworkVersion out."
            )
        if spec.data_input_config is not None:
            with about("inputConfig.dataInputConfig"):
                parse_data_input_config(spec.data_input_config)
        if spec.compiler_options is not None:
            parse_compiler_options(spec.compiler_options, platform.os)

    def build(self, spec: CompilationSpec, source: Path, artifact: Path) -> Built:
        """See `backends.Backend.build`: writes `model.ort`."""
        from edgewright.compiling import onnx_graph

        platform = platform_of(spec, _PLATFORMS, _NAME)
        path = _the_model(source)
        files_size = size_of(source)
        model = onnx_graph.load(path, files_size)
        inputs = onnx_graph.fix_inputs(
            model, parse_data_input_config(spec.data_input_config) if spec.data_input_config else ()
        )
        fixed = path.with_name(f"{path.name}.fixed")  # beside its external data
        onnx_graph.save(model, fixed)
        del model  # ONNX Runtime reads it into memory once more
        outputs = _convert(fixed, artifact / MODEL_MEMBER, platform, confinement.folded_for(files_size))
        options = parse_compiler_options(spec.compiler_options, platform.os) if spec.compiler_options else {}
        return Built(
            inputs=inputs,
            outputs=outputs,
            toolchain=_versions(),
            settings={
                "model": MODEL_MEMBER,
                "platform": {"os": platform.os, "arch": platform.arch},
                "optimization_level": "extended",
                "compiler_options": options,
            },
        )


def _the_model(source: Path) -> Path:
    # macOS's tar adds a companion `._name` to each file that has attributes.
    found = sorted(
        path
        for path in source.rglob("*")
        if path.is_file() and path.suffix.lower() == ".onnx" and not path.name.startswith("._")
    )
    if not found:
        raise ModelRefused(
            "InputConfiguration: No ONNX file found in the model archive. Please make sure the framework you select "
            "is correct, and that the archive holds one file that ends with .onnx."
        )
    if len(found) > 1:
        names = ", ".join(path.relative_to(source).as_posix() for path in found[:5])
        raise ModelRefused(
            f"InputConfiguration: Exactly one .onnx file is allowed for ONNX models, and {len(found)} were found: "
            f"{names}."
        )
    return found[0]


def _convert(model: Path, target: Path, platform: Platform, most_folded: int) -> tuple[Tensor, ...]:
    """Optimise the model and save it in ORT format; gives its outputs."""
    import onnxruntime as ort

    ort.set_default_logger_severity(3)
    options = ort.SessionOptions()
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_ENABLE_EXTENDED
    options.optimized_model_filepath = str(target)
    options.intra_op_num_threads = 1  # nothing is inferred here
    options.log_severity_level = 3
    options.add_session_config_entry("session.save_model_format", "ORT")
    # A node whose result would be larger stays a node, and is computed on the device.
    options.add_session_config_entry("optimization.constant_folding_max_output_size_in_bytes", str(most_folded))
    options.add_session_config_entry("session.qdqisint8allowed", "1" if platform.is_arm else "0")
    try:
        session = ort.InferenceSession(str(model), options, providers=["CPUExecutionProvider"])
        return tuple(_tensor(output) for output in session.get_outputs())
    except MemoryError:
        raise
    except Exception as error:
        # ONNX Runtime's exceptions share no base of their own; whatever it raises here, it raises about the model.
        raise _refusal(error, model) from error


def _refusal(error: Exception, model: Path) -> Exception:
    text = str(error).replace(str(model), "the model").partition("\n")[0][:500]
    if "bad allocation" in text or "bad_alloc" in text:
        return MemoryError(text)
    if type(error).__name__ == "NotImplemented" or _UNKNOWN.search(text):
        return ModelRefused(f"OperatorNotImplemented: ONNX Runtime has no implementation for an operator: {text}")
    return ModelRefused(f"InputConfiguration: ONNX Runtime cannot load the model: {text}")


def _tensor(output: Any) -> Tensor:
    shape = tuple(size if isinstance(size, int) else None for size in output.shape or ())
    return Tensor(output.name, shape, _element_type(output.type))


def _element_type(text: str) -> str:
    """`tensor(float)` → `float32`; what is not a tensor stays as ONNX Runtime names it."""
    names = {"tensor(float)": "float32", "tensor(double)": "float64"}
    return names.get(text, text.removeprefix("tensor(").removesuffix(")") if text.startswith("tensor(") else text)


def _versions() -> dict[str, str]:
    from importlib.metadata import version

    return {name: version(name) for name in ("edgewright", "onnx", "onnxruntime")}
