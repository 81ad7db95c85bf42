"""Each violation is found, and a good run has none."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from chaos.checks import STORE_BROKE_OFF, Breach, Facts, Final, Stored, violations
from chaos.clients import Notes
from chaos.lifecycle import Observation
from chaos.plan import JobPlan, Source

ARN = "arn:aws:greengrass:eu-west-1:123456789012:components:chaos.made:versions:1.0.0"
KEY = "out/chaos-1.1.tar.gz"
MADE = Final("COMPLETED", "", "1.1", f"s3://chaos-packages/{KEY}", ARN, "COMPLETED")
MISSING = Final("FAILED", "ClientError: S3 object does not exist. Bucket: b, Key: k", "1.2")
STOPPED = Final("STOPPED", "", "1.3")


def good() -> Facts:
    """A run after which everything holds."""
    notes = Notes()
    notes.accepted.update({"made": 1.0, "missing": 1.0, "stopped": 1.0})
    notes.made.update({"made": ["1.1"], "missing": ["1.2"], "stopped": ["1.3"]})
    notes.stops_asked.update({"stopped"})
    notes.stops_taken.update({"stopped"})
    return Facts(
        notes=notes,
        finals={"made": MADE, "missing": MISSING, "stopped": STOPPED},
        expected={"made": (KEY, "5ha"), "stopped": ("out/chaos-1.3.tar.gz", "none")},
        objects={KEY: Stored("5ha")},
        components={ARN},
        plans={
            "made": JobPlan("made", "1.1", Source.TINY, 0, component=True),
            "missing": JobPlan("missing", "1.2", Source.MISSING, 0),
            "stopped": JobPlan("stopped", "1.3", Source.TINY, 0, stop_after=0),
        },
    )


def found(facts: Facts) -> tuple[Breach, str]:
    (violation,) = violations(facts)
    return violation.kind, violation.what


def with_final(name: str, **changes: Any) -> Facts:
    facts = good()
    return replace(facts, finals={**facts.finals, name: replace(facts.finals[name], **changes)})


def test_a_good_end_has_no_findings() -> None:
    assert violations(good()) == []


def test_a_job_that_is_gone() -> None:
    facts = good()
    facts.notes.accepted["vanished"] = 2.0
    assert found(facts) == (Breach.LOST, "vanished was accepted, and is not there")


def test_a_job_that_nobody_asked_for() -> None:
    facts = good()
    fault, what = found(replace(facts, finals={**facts.finals, "ghost": STOPPED}))
    assert (fault, what) == (Breach.WRONG, "ghost is there, and nobody asked for it")


@pytest.mark.parametrize("status", ["STARTING", "INPROGRESS", "STOPPING"])
def test_a_job_that_stands_still(status: str) -> None:
    fault, what = found(with_final("stopped", status=status))
    assert fault is Breach.STUCK
    assert what.startswith(f"stopped stands still as {status}")


def test_two_promises_of_one_name() -> None:
    facts = good()
    facts.notes.made["made"].append("1.1.1")
    assert found(facts)[0] is Breach.DOUBLED


def test_a_promise_that_another_job_took_the_place_of() -> None:
    facts = good()
    facts.notes.made["stopped"] = ["1.3.1"]
    assert found(facts) == (Breach.WRONG, "stopped is of version 1.3, and was promised as 1.3.1")


def test_ends_that_their_history_does_not_allow() -> None:
    unexpected_exits = good()
    unexpected_exits.notes.stops_asked.clear()
    assert "nobody asked for a Stop" in found(unexpected_exits)[1]
    taken = good()
    taken.notes.stops_taken.add("missing")
    assert "a Stop was taken" in found(taken)[1]
    refused = good()
    refused.notes.stops_refused["missing"] = "ValidationException: ... in status COMPLETED."
    assert "its Stop was refused otherwise" in found(refused)[1]


def test_failures_that_are_not_honest() -> None:
    assert "should begin with" in found(with_final("missing", message="ClientError: something else"))[1]
    assert violations(with_final("missing", message=STORE_BROKE_OFF)) == []
    assert "should begin with" in found(replace(with_final("missing", message=STORE_BROKE_OFF), store_fails=False))[1]
    no_reason = replace(with_final("made", status="FAILED", message="x"), objects={}, components=())
    assert "nothing is wrong with its source" in found(no_reason)[1]
    made_of_nothing = with_final("missing", status="COMPLETED", message="")
    assert "made of a missing source" in found(made_of_nothing)[1]


def test_objects_that_are_missing_or_not_right() -> None:
    assert found(replace(good(), objects={})) == (Breach.LOST, f"made is COMPLETED, and {KEY} is not there")
    assert "should have 5ha" in found(replace(good(), objects={KEY: Stored("0ther")}))[1]
    assert "does not verify: torn" in found(replace(good(), objects={KEY: Stored("5ha", "torn")}))[1]
    assert "names s3://elsewhere" in found(with_final("made", artifact="s3://elsewhere"))[1]


def test_an_object_of_a_stopped_job() -> None:
    facts = good()
    fault, what = found(replace(facts, objects={**facts.objects, "out/chaos-1.3.tar.gz": Stored("x")}))
    assert fault is Breach.LEFT
    assert what.endswith("belongs to no COMPLETED job; it is of stopped, which is STOPPED")


def test_components_that_are_missing_or_left() -> None:
    assert found(replace(good(), components=()))[0] is Breach.LOST
    assert found(replace(good(), components={ARN, "arn:other"}))[0] is Breach.LEFT
    without = replace(with_final("made", component=None, component_status="FAILED"), components=())
    assert found(without)[0] is Breach.WRONG


def test_whatever_else_is_left() -> None:
    assert found(replace(good(), unfinished=["upload 1"])) == (Breach.LEFT, "upload 1")
    assert found(replace(good(), orphans=["work"])) == (Breach.LEFT, "work")


def test_what_clients_saw() -> None:
    backwards = good()
    backwards.notes.observations["made"] = [
        Observation(1, 2, "INPROGRESS", 1.0, "Describe"),
        Observation(3, 4, "STARTING", 1.0, "Describe"),
    ]
    assert found(backwards)[0] is Breach.BACKWARDS
    unexpected, waited = good(), good()
    unexpected.notes.unexpected.append("odd")
    assert found(unexpected) == (Breach.WRONG, "odd")
    waited.notes.unanswered.append("no answer")
    assert found(waited) == (Breach.STUCK, "no answer")
