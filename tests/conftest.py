"""For all tests: ONNX Runtime sends no telemetry, and SIGINT interrupts what the tests start.

ONNX Runtime does unless it is told not to before it is imported. A shell has its background jobs ignore SIGINT, and so
would every process that tests started from one of them start: a signal that is ignored stays so for a new program.
"""

from __future__ import annotations

import os
import signal

os.environ["ORT_DISABLE_TELEMETRY"] = "1"
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
