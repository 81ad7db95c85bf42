"""Each finding is found, and a good end has none."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from torture.checks import STORE_BROKE_OFF, Facts, Fault, Final, Stored, findings
from torture.clients import Notes
from torture.lifecycle import Observation
from torture.plan import JobPlan, Source

ARN = "arn:aws:greengrass:eu-west-1:123456789012:components:torture.made:versions:1.0.0"
KEY = "out/torture-1.1.tar.gz"
MADE = Final("COMPLETED", "", "1.1", f"s3://torture-packages/{KEY}", ARN, "COMPLETED")
MISSING = Final("FAILED", "ClientError: S3 object does not exist. Bucket: b, Key: k", "1.2")
STOPPED = Final("STOPPED", "", "1.3")


def good() -> Facts:
    """A storm after which everything holds."""
    notes = Notes()
    notes.accepted.update({"made": 1.0, "missing": 1.0, "stopped": 1.0})
    notes.made.update({"made": ["1.1"], "missing": ["1.2"], "stopped": ["1.3"]})
    notes.stops_asked.update({"stopped"})
    notes.stops_taken.update({"stopped"})
    return Facts(
        notes=notes,
        finals={"made": MADE, "missing": MISSING, "stopped": STOPPED},
        expected={"made": (KEY, "5ha"), "stopped": ("out/torture-1.3.tar.gz", "none")},
        objects={KEY: Stored("5ha")},
        components={ARN},
        plans={
            "made": JobPlan("made", "1.1", Source.TINY, 0, component=True),
            "missing": JobPlan("missing", "1.2", Source.MISSING, 0),
            "stopped": JobPlan("stopped", "1.3", Source.TINY, 0, stop_after=0),
        },
    )


def found(facts: Facts) -> tuple[Fault, str]:
    (finding,) = findings(facts)
    return finding.fault, finding.what


def with_final(name: str, **changes: Any) -> Facts:
    facts = good()
    return replace(facts, finals={**facts.finals, name: replace(facts.finals[name], **changes)})


def test_a_good_end_has_no_findings() -> None:
    assert findings(good()) == []


def test_a_job_that_is_gone() -> None:
    facts = good()
    facts.notes.accepted["vanished"] = 2.0
    assert found(facts) == (Fault.LOST, "vanished was accepted, and is not there")


def test_a_job_that_nobody_asked_for() -> None:
    facts = good()
    fault, what = found(replace(facts, finals={**facts.finals, "ghost": STOPPED}))
    assert (fault, what) == (Fault.WRONG, "ghost is there, and nobody asked for it")


@pytest.mark.parametrize("status", ["STARTING", "INPROGRESS", "STOPPING"])
def test_a_job_that_stands_still(status: str) -> None:
    fault, what = found(with_final("stopped", status=status))
    assert fault is Fault.STUCK
    assert what.startswith(f"stopped stands still as {status}")


def test_two_promises_of_one_name() -> None:
    facts = good()
    facts.notes.made["made"].append("1.1.1")
    assert found(facts)[0] is Fault.DOUBLED


def test_a_promise_that_another_job_took_the_place_of() -> None:
    facts = good()
    facts.notes.made["stopped"] = ["1.3.1"]
    assert found(facts) == (Fault.WRONG, "stopped is of version 1.3, and was promised as 1.3.1")


def test_ends_that_their_history_does_not_allow() -> None:
    unasked = good()
    unasked.notes.stops_asked.clear()
    assert "nobody asked for a Stop" in found(unasked)[1]
    taken = good()
    taken.notes.stops_taken.add("missing")
    assert "a Stop was taken" in found(taken)[1]
    refused = good()
    refused.notes.stops_refused["missing"] = "ValidationException: ... in status COMPLETED."
    assert "its Stop was refused otherwise" in found(refused)[1]


def test_failures_that_are_not_honest() -> None:
    assert "should begin with" in found(with_final("missing", message="ClientError: something else"))[1]
    assert findings(with_final("missing", message=STORE_BROKE_OFF)) == []
    assert "should begin with" in found(replace(with_final("missing", message=STORE_BROKE_OFF), store_fails=False))[1]
    no_reason = replace(with_final("made", status="FAILED", message="x"), objects={}, components=())
    assert "nothing is wrong with its source" in found(no_reason)[1]
    made_of_nothing = with_final("missing", status="COMPLETED", message="")
    assert "made of a missing source" in found(made_of_nothing)[1]


def test_objects_that_are_missing_or_not_right() -> None:
    assert found(replace(good(), objects={})) == (Fault.LOST, f"made is COMPLETED, and {KEY} is not there")
    assert "should have 5ha" in found(replace(good(), objects={KEY: Stored("0ther")}))[1]
    assert "does not verify: torn" in found(replace(good(), objects={KEY: Stored("5ha", "torn")}))[1]
    assert "names s3://elsewhere" in found(with_final("made", artifact="s3://elsewhere"))[1]


def test_an_object_of_a_stopped_job() -> None:
    facts = good()
    fault, what = found(replace(facts, objects={**facts.objects, "out/torture-1.3.tar.gz": Stored("x")}))
    assert fault is Fault.LEFT
    assert what.endswith("belongs to no COMPLETED job; it is of stopped, which is STOPPED")


def test_components_that_are_missing_or_left() -> None:
    assert found(replace(good(), components=()))[0] is Fault.LOST
    assert found(replace(good(), components={ARN, "arn:other"}))[0] is Fault.LEFT
    without = replace(with_final("made", component=None, component_status="FAILED"), components=())
    assert found(without)[0] is Fault.WRONG


def test_whatever_else_is_left() -> None:
    assert found(replace(good(), unfinished=["upload 1"])) == (Fault.LEFT, "upload 1")
    assert found(replace(good(), leftovers=["work"])) == (Fault.LEFT, "work")


def test_what_clients_saw() -> None:
    backwards = good()
    backwards.notes.looks["made"] = [
        Observation(1, 2, "INPROGRESS", 1.0, "Describe"),
        Observation(3, 4, "STARTING", 1.0, "Describe"),
    ]
    assert found(backwards)[0] is Fault.BACKWARDS
    strange, waited = good(), good()
    strange.notes.strange.append("odd")
    assert found(strange) == (Fault.WRONG, "odd")
    waited.notes.gave_up.append("no answer")
    assert found(waited) == (Fault.STUCK, "no answer")
