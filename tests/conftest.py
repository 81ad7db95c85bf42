"""For all tests: ONNX Runtime, which sends telemetry unless it is told not to before it is imported, sends none."""

from __future__ import annotations

import os

os.environ["ORT_DISABLE_TELEMETRY"] = "1"
