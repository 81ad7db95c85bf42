"""What each kind of job needs: one that is added without it fails here."""

from __future__ import annotations

from dataclasses import fields

import pytest

from edgewright import protocol
from edgewright.console.worker_pages import PAGES
from edgewright.jobs import JobKey, Kind
from edgewright.jobs.kinds import JOBS, KINDS
from edgewright.jobs.rows import COLUMNS
from edgewright.worker import RECIPES
from edgewright.worker.results import RESULTS


@pytest.mark.parametrize("kind", list(Kind))
class TestEachKind:
    def test_has_an_entry_a_table_and_a_recipe(self, kind: Kind) -> None:
        assert KINDS[kind].table is JOBS[kind]
        assert kind in RECIPES
        assert kind in RESULTS
        assert kind in PAGES

    def test_has_a_column_for_each_member_of_its_jobs(self, kind: Kind) -> None:
        assert set(COLUMNS[kind]) <= set(KINDS[kind].table.c.keys())

    def test_says_how_a_job_went_in_a_member_of_its_own(self, kind: Kind) -> None:
        assert KINDS[kind].message_attribute in {field.name for field in fields(KINDS[kind].job_class)}

    def test_is_described_by_an_operation_of_the_service(self, kind: Kind) -> None:
        operation = protocol.load_service("sagemaker").operations[KINDS[kind].describe_operation]
        assert operation.input is not None
        assert operation.output is not None
        assert KINDS[kind].list_operation in protocol.load_service("sagemaker").operations
        assert KINDS[kind].name_member in operation.input.members
        assert KINDS[kind].message_member in operation.output.members

    def test_is_named_in_its_arn(self, kind: Kind) -> None:
        key = JobKey(kind, "123456789012", "eu-west-1", "digits")
        assert JobKey.parse_arn(key.arn) == key


def test_nothing_is_shared_by_two_kinds() -> None:
    for name in ("table", "job_class", "describe_operation", "detail_type", "noun"):
        assert len({getattr(entry, name) for entry in KINDS.values()}) == len(Kind)
