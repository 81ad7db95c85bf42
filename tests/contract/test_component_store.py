"""The contract of the component store, on each database that it runs on."""

from __future__ import annotations

import random
import threading
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import text

from edgewright.arns import ComponentArn
from edgewright.database import connections
from edgewright.database.connections import migrate, open_database
from edgewright.database.schema import metadata
from edgewright.errors import ClientTokenUsed, ComponentExists, DatabaseUnavailable, ResourceNotFound, ValidationFault
from edgewright.greengrass.client_tokens import ClientToken, Receipt
from edgewright.greengrass.component_store import Component, ComponentStore
from edgewright.persistence import Persistence

if TYPE_CHECKING:
    from pathlib import Path

    from sqlalchemy import Engine

ACCOUNT, REGION = "123456789012", "eu-west-1"
NOON = datetime(2026, 3, 4, 12, 0, 0, 123_000, tzinfo=UTC)
JOB = f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:edge-packaging-job/digits"

ASCENDING = [
    "0.9.9",
    "1.0.0-1",
    "1.0.0-9",
    "1.0.0-10",
    "1.0.0-alpha",
    "1.0.0-alpha.1",
    "1.0.0-beta",
    "1.0.0",
    "1.0.0+build",
    "1.2.0",
    "1.10.0",
    "10.0.0",
    "999999.999999.999999",
]


@pytest.fixture
def store(engine: Engine) -> ComponentStore:
    return Persistence.on(engine).components


def component(name: str = "digits", version: str = "1.0.0", **members: Any) -> Component:
    made = Component(
        account=ACCOUNT, region=REGION, name=name, version=version, recipe=b'{"a": "\xe2\x9c\x93"}', created_at=NOON
    )
    return replace(made, **members)


def key(name: str = "digits", version: str | None = "1.0.0") -> ComponentArn:
    return ComponentArn(ACCOUNT, REGION, name, version)


class TestVersions:
    def test_a_component_comes_back_as_it_went_in(self, store: ComponentStore) -> None:
        whole = component(
            artifacts=("s3://out/put/model-1.tar.gz", "s3://other/thing"),
            description="ünïcode ✓",
            publisher="us",
            platforms=({"name": "linux", "attributes": {"os": "linux", "architecture": "*"}},),
            message="fine",
            job_arn=JOB,
            tags={"team": "vision"},
        )
        assert store.insert(whole) == whole
        assert store.get(key()) == whole
        assert whole.arn == f"arn:aws:greengrass:{REGION}:{ACCOUNT}:components:digits:versions:1.0.0"

    def test_a_creation_time_keeps_its_milliseconds_and_no_more(self, store: ComponentStore) -> None:
        store.insert(component(created_at=NOON.replace(microsecond=999_999)))
        assert store.get(key()).created_at == NOON.replace(microsecond=999_000)

    def test_a_version_is_made_once(self, store: ComponentStore) -> None:
        store.insert(component(recipe=b"first"), {"a": "1"})
        with pytest.raises(ComponentExists) as refused:
            store.insert(component(recipe=b"second"), {"a": "2"})
        assert refused.value.message == (
            "Component [digits : 1.0.0] for account [123456789012] already exists with state: [DEPLOYABLE]"
        )
        assert store.get(key()) == component(recipe=b"first", tags={"a": "1"})

    def test_the_job_that_made_it_gets_the_first_one_again(self, store: ComponentStore) -> None:
        first = store.insert(component(job_arn=JOB), {"a": "1"})
        assert store.insert(component(job_arn=JOB, recipe=b"later", description="later")) == first
        assert store.versions(key()).components == (first,)

    @pytest.mark.parametrize("job", [None, f"{JOB}-2"])
    def test_another_maker_does_not(self, store: ComponentStore, job: str | None) -> None:
        store.insert(component(job_arn=JOB))
        with pytest.raises(ComponentExists):
            store.insert(component(job_arn=job))

    def test_what_no_job_made_is_no_jobs_own(self, store: ComponentStore) -> None:
        store.insert(component())
        with pytest.raises(ComponentExists):
            store.insert(component(job_arn=JOB))

    def test_names_are_apart_by_account_region_and_case(self, store: ComponentStore) -> None:
        made = [
            component(),
            component("DIGITS"),
            component(version="1.0.1"),
            component(account="999999999999"),
            component(region="us-east-1"),
        ]
        for one in made:
            store.insert(one)
        assert [store.get(one.key) for one in made] == made

    def test_an_unknown_version_is_not_found(self, store: ComponentStore) -> None:
        store.insert(component())
        unknown = key(version="1.0.1")
        for reach in (
            lambda: store.get(unknown),
            lambda: store.get(key(version=None)),
            lambda: store.delete(unknown),
            lambda: store.get(unknown),
            lambda: store.put_tags(unknown, {"a": "b"}),
            lambda: store.remove_tags(unknown, ["a"]),
        ):
            with pytest.raises(ResourceNotFound, match=r"not found: arn:aws:greengrass:eu-west-1:123456789012:"):
                reach()

    def test_a_deleted_version_may_be_made_anew(self, store: ComponentStore) -> None:
        store.insert(component(recipe=b"first"), {"a": "1"})
        store.insert(component(version="2.0.0"))
        store.delete(key())
        with pytest.raises(ResourceNotFound):
            store.get(key())
        assert store.insert(component(recipe=b"second")).recipe == b"second"
        assert store.get(key()).tags == {}

    def test_a_job_withdraws_its_own_version_only(self, store: ComponentStore) -> None:
        store.insert(component(job_arn=JOB))
        store.insert(component(version="2.0.0", job_arn=JOB))
        store.withdraw(key(), f"{JOB}-2")
        assert store.get(key()).job_arn == JOB
        store.withdraw(key(), JOB)
        store.withdraw(key(), JOB)
        assert [one.version for one in store.versions(key()).components] == ["2.0.0"]

    def test_of_many_makers_exactly_one_makes_it(self, store: ComponentStore) -> None:
        outcomes: list[str] = []
        start = threading.Barrier(6)

        def race(number: int) -> None:
            start.wait()
            try:
                store.insert(component(job_arn=f"{JOB}-{number // 2}", description=str(number)))
                outcomes.append(f"made by {number // 2}")
            except ComponentExists:
                outcomes.append("exists")

        racers = [threading.Thread(target=race, args=(number,)) for number in range(6)]
        for racer in racers:
            racer.start()
        for racer in racers:
            racer.join()
        winner = str(store.get(key()).job_arn).removeprefix(f"{JOB}-")
        assert sorted(outcomes) == ["exists"] * 4 + [f"made by {winner}"] * 2

    def test_what_is_no_semantic_version_is_not_kept(self, store: ComponentStore) -> None:
        with pytest.raises(ValueError, match="banana"):
            store.insert(component(version="banana"))


class TestListings:
    def test_versions_come_highest_first_page_by_page(self, store: ComponentStore) -> None:
        shuffled = random.Random(7).sample(ASCENDING, len(ASCENDING))
        for version in shuffled:
            store.insert(component(version=version))
        store.insert(component("digits-2", "5.0.0"))
        seen: list[str] = []
        after: str | None = None
        while True:
            page = store.versions(key(), after, 3)
            seen += [one.version for one in page.components]
            after = page.cursor
            if after is None:
                break
            assert len(page.components) == 3
        assert seen == ASCENDING[::-1]
        assert store.versions(key(), None, 1).components[0].version == ASCENDING[-1]

    def test_a_full_last_page_has_no_cursor(self, store: ComponentStore) -> None:
        for version in ("1.0.0", "2.0.0"):
            store.insert(component(version=version))
        assert store.versions(key(), None, 2).cursor is None
        assert store.versions(key(), None, 1).cursor == "2.0.0"
        assert store.versions(key("nobody")).components == ()

    def test_components_come_by_name_with_their_highest_version(self, store: ComponentStore) -> None:
        for name, version in (("b", "1.9.0"), ("b", "1.10.0"), ("B", "1.0.0"), ("a", "2.0.0-rc"), ("a", "1.0.0")):
            store.insert(component(name, version))
        store.insert(component("other", account="999999999999"))
        store.insert(component("other", region="us-east-1"))
        first = store.list(ACCOUNT, REGION, None, 2)
        assert [(one.name, one.version) for one in first.components] == [("B", "1.0.0"), ("a", "2.0.0-rc")]
        second = store.list(ACCOUNT, REGION, first.cursor, 2)
        assert [(one.name, one.version) for one in second.components] == [("b", "1.10.0")]
        assert second.cursor is None


class TestTags:
    def test_tags_are_put_over_one_another_and_removed(self, store: ComponentStore) -> None:
        store.insert(component(version="2.0.0"), {"a": "other"})
        store.insert(component(), {"a": "1", "b": "2"})
        store.put_tags(key(), {"b": "3", "c": "4"})
        assert store.get(key()).tags == {"a": "1", "b": "3", "c": "4"}
        store.remove_tags(key(), ["a", "nobody"])
        assert store.get(key()) == component(tags={"b": "3", "c": "4"})
        assert store.get(key(version="2.0.0")).tags == {"a": "other"}

    def test_more_tags_than_allowed_change_nothing(self, store: ComponentStore) -> None:
        store.insert(component(), {"a": "1"})
        store.put_tags(key(), {"a": "2", "b": "2"}, most=2)
        with pytest.raises(ValidationFault, match="would have 3 tags, and 2 are allowed"):
            store.put_tags(key(), {"b": "9", "c": "3"}, most=2)
        assert store.get(key()).tags == {"a": "2", "b": "2"}

    def test_no_tag_is_lost_when_many_put_theirs(self, store: ComponentStore) -> None:
        store.insert(component())
        putters = [threading.Thread(target=store.put_tags, args=(key(), {f"tag-{number}": "x"})) for number in range(6)]
        for putter in putters:
            putter.start()
        for putter in putters:
            putter.join()
        assert len(store.get(key()).tags) == 6


class TestMigration:
    def test_a_database_of_the_version_before_learns_components(self, engine: Engine) -> None:
        config = Config()
        config.set_main_option("script_location", str(connections.MIGRATIONS))
        with engine.begin() as connection:
            metadata.drop_all(connection)
            connection.execute(text("DROP TABLE alembic_version"))
            config.attributes["connection"] = connection
            command.upgrade(config, "0001")
        migrate(engine)
        store = Persistence.on(engine).components
        store.insert(component())
        assert store.get(key()) == component()

    def test_a_database_that_is_away_is_said_to_be(self, tmp_path: Path) -> None:
        store = ComponentStore(open_database(f"sqlite:///{tmp_path}/nowhere/jobs.sqlite"))
        for reach in (lambda: store.insert(component()), lambda: store.get(key()), lambda: store.list("a", "b")):
            with pytest.raises(DatabaseUnavailable):
                reach()


HOURS = timedelta(hours=8)


def token(name: str = "t-1", request: str = "asked", **members: str) -> ClientToken:
    return ClientToken(**{"account": ACCOUNT, "region": REGION, "token": name, "request": request} | members)


class TestClientTokens:
    def test_the_same_request_gets_the_first_answer(self, store: ComponentStore) -> None:
        first = store.insert_once(component(), {"a": "1"}, token())
        assert first == Receipt(key(), NOON)
        later = component(created_at=NOON + HOURS - timedelta(seconds=1), recipe=b"later")
        assert store.insert_once(later, {"a": "2"}, token()) == first
        assert store.answered(token(), later.created_at) == first
        assert store.get(key()) == component(tags={"a": "1"})

    def test_the_answer_outlives_the_component(self, store: ComponentStore) -> None:
        first = store.insert_once(component(), {}, token())
        store.delete(key())
        assert store.insert_once(component(), {}, token()) == first
        assert store.versions(key()).components == ()

    def test_another_request_is_refused_and_makes_nothing(self, store: ComponentStore) -> None:
        store.insert_once(component(), {}, token())
        other = component(version="2.0.0")
        with pytest.raises(ClientTokenUsed, match="t-1 came with another request before") as refused:
            store.insert_once(other, {}, token(request="else"))
        assert refused.value.resource == str(key())
        with pytest.raises(ClientTokenUsed):
            store.answered(token(request="else"), NOON)
        assert store.versions(key()).components == (component(),)

    def test_tokens_are_apart_by_account_region_and_case(self, store: ComponentStore) -> None:
        store.insert_once(component(), {}, token())
        for number, other in enumerate([token("T-1"), token(account="999999999999"), token(region="us-east-1")]):
            made = component(version=f"1.0.{number + 1}", account=other.account, region=other.region)
            assert store.insert_once(made, {}, other).key == made.key

    def test_a_token_whose_request_failed_is_free(self, store: ComponentStore) -> None:
        store.insert(component())
        with pytest.raises(ComponentExists):
            store.insert_once(component(), {}, token())
        assert store.answered(token(), NOON) is None
        assert store.insert_once(component(version="2.0.0"), {}, token(request="else")).key.version == "2.0.0"

    def test_after_eight_hours_a_token_is_forgotten(self, engine: Engine, store: ComponentStore) -> None:
        store.insert_once(component(), {}, token())
        store.insert_once(component(version="1.1.0"), {}, token("t-2"))
        late = NOON + HOURS
        assert store.answered(token(), late) is None
        new = component(version="2.0.0", created_at=late)
        assert store.insert_once(new, {}, token(request="else")) == Receipt(new.key, late)
        with engine.connect() as connection:
            assert connection.execute(text("SELECT token, request FROM client_tokens")).all() == [("t-1", "else")]

    def test_of_many_at_once_one_makes_it_and_all_get_its_answer(self, store: ComponentStore) -> None:
        barrier, answers = threading.Barrier(8), []

        def create(number: int) -> None:
            mine = component(created_at=NOON + timedelta(seconds=number), recipe=str(number).encode())
            barrier.wait()
            answers.append(store.insert_once(mine, {}, token()))

        threads = [threading.Thread(target=create, args=(number,)) for number in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(answers) == 8
        assert set(answers) == {Receipt(key(), store.get(key()).created_at)}
