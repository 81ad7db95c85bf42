"""The component store: component versions, each made once and never changed but for its tags."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from typing import TYPE_CHECKING, Any, Self

import orjson
from sqlalchemy import ColumnElement, Connection, Engine, Select, and_, delete, exists, select, update

from edgewright.arns import ComponentArn
from edgewright.database.clock import from_milliseconds, milliseconds
from edgewright.database.connections import for_reads, reaching_database
from edgewright.database.dialects import insert_into
from edgewright.errors import ComponentExists, ResourceNotFound, ValidationFault
from edgewright.greengrass import client_tokens
from edgewright.greengrass.client_tokens import ClientToken, Receipt
from edgewright.greengrass.reading import value_of
from edgewright.greengrass.rules import artifacts, platforms
from edgewright.greengrass.tables import components
from edgewright.greengrass.versions import order_key

if TYPE_CHECKING:
    from datetime import datetime

DEPLOYABLE = "DEPLOYABLE"

_TRIES = 5
_JSON_COLUMNS = ("platforms", "artifacts", "tags")


@dataclass(frozen=True, slots=True, kw_only=True)
class Component:
    """One version of a component.

    Attributes:
        account, region, name, version: what names it.
        recipe: JSON text, as it is served.
        created_at: UTC with milliseconds.
        artifacts: the URIs that the recipe names.
        description: the recipe's ComponentDescription, or empty; so is publisher.
        platforms: as DescribeComponent shows them, each `{"name": ..., "attributes": {"os": ..., ...}}`.
        state: DEPLOYABLE, in the words of CloudComponentState.
        message: what the state's message says.
        job_arn: the edge packaging job that made it, if one did.
        tags: as they are now.
    """

    account: str
    region: str
    name: str
    version: str
    recipe: bytes
    created_at: datetime
    artifacts: tuple[str, ...] = ()
    description: str = ""
    publisher: str = ""
    platforms: tuple[Mapping[str, Any], ...] = ()
    state: str = DEPLOYABLE
    message: str = "NONE"
    job_arn: str | None = None
    tags: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, document: Mapping[str, Any], **members: Any) -> Self:
        """The version that a recipe, as JSON values, is of; `members` are those that are not in it."""
        return cls(
            name=value_of(document, "ComponentName"),
            version=value_of(document, "ComponentVersion"),
            artifacts=tuple(artifacts(document)),
            description=str(value_of(document, "ComponentDescription") or ""),
            publisher=str(value_of(document, "ComponentPublisher") or ""),
            platforms=tuple(platforms(document)),
            **members,
        )

    @property
    def key(self) -> ComponentArn:
        """What names this version."""
        return ComponentArn(self.account, self.region, self.name, self.version)

    @property
    def arn(self) -> str:
        """The version's ARN."""
        return str(self.key)


@dataclass(frozen=True, slots=True)
class ComponentPage:
    """One page.

    Attributes:
        components: in the listing's order.
        cursor: `after` of the next page; None where no more follow.
    """

    components: tuple[Component, ...]
    cursor: str | None


_NAMES = tuple(member.name for member in fields(Component))
_COLUMNS = [components.c[name] for name in _NAMES]


class ComponentStore:
    """Component versions on the jobs' database. Safe to use from many threads.

    Every method may raise DatabaseUnavailable. Where a `key` names no version, methods that want one say not found.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._reads = for_reads(engine)

    def insert(self, component: Component, tags: Mapping[str, str] | None = None) -> Component:
        """Make a component version; the component as it is stored.

        The job that made a version may make it again, which changes nothing: a repeat after a crash gets the first.

        Args:
            component: the new version.
            tags: its tags; `component.tags` when None.

        Raises:
            ComponentExists: the name has this version already, made by another caller.
            ValueError: the version is not a semantic version.
        """
        wanted = component if tags is None else replace(component, tags=tags)
        for _ in range(_TRIES):
            with reaching_database(), self._engine.begin() as connection:
                made, stored = _put(connection, wanted)
            if stored is None:
                continue
            if not made and (component.job_arn is None or stored.job_arn != component.job_arn):
                raise _taken(stored)
            return stored
        raise _taken(component)

    def insert_once(self, component: Component, tags: Mapping[str, str], token: ClientToken) -> Receipt:
        """Make a component version, unless a request with this token made one in the last eight hours.

        Raises:
            ClientTokenUsed: the token came with another request.
            ComponentExists: the name has this version already, made with another token or none.
            ValueError: the version is not a semantic version.
        """
        wanted = replace(component, tags=tags)
        for _ in range(_TRIES):
            with reaching_database(), self._engine.connect() as connection, connection.begin() as transaction:
                known = client_tokens.claim(connection, token, Receipt(component.key, component.created_at))
                if known is not None:
                    return known
                made, stored = _put(connection, wanted)
                if stored is None:
                    transaction.rollback()
                    continue
                if not made:
                    raise _taken(stored)
            with reaching_database(), self._engine.begin() as connection:
                client_tokens.forget(connection, component.created_at)
            return Receipt(stored.key, stored.created_at)
        raise _taken(component)

    def answered(self, token: ClientToken, now: datetime) -> Receipt | None:
        """What a request with this token was answered with in the last eight hours, if there was one.

        Raises:
            ClientTokenUsed: it came with another request.
        """
        with reaching_database(), self._reads.connect() as connection:
            return client_tokens.find(connection, token, now)

    def get(self, key: ComponentArn) -> Component:
        """The version.

        Raises:
            ResourceNotFound: there is no such version.
        """
        found = self._first(select(*_COLUMNS).where(_is(key)))
        if found is None:
            raise _missing(key)
        return found

    def delete(self, key: ComponentArn) -> None:
        """Forget a version, and its tags; its artifacts stay where they are. The version may be made anew.

        Raises:
            ResourceNotFound: there is no such version.
        """
        with reaching_database(), self._engine.begin() as connection:
            if not connection.execute(delete(components).where(_is(key))).rowcount:
                raise _missing(key)

    def withdraw(self, key: ComponentArn, job_arn: str) -> None:
        """Forget a version if this job made it; nothing where it did not."""
        with reaching_database(), self._engine.begin() as connection:
            connection.execute(delete(components).where(_is(key), components.c.job_arn == job_arn))

    def list(self, account: str, region: str, after: str | None = None, limit: int = 100) -> ComponentPage:
        """The components of an account and region, each by its highest version, ordered by name.

        Args:
            account: whose.
            region: where.
            after: `ComponentPage.cursor` of the page before: the last component's name.
            limit: components of one page, at least 1.
        """
        higher = components.alias()
        mine = and_(components.c.account == account, components.c.region == region)
        same = (higher.c[name] == components.c[name] for name in ("account", "region", "name"))
        outdone = exists().where(*same, higher.c.version_order > components.c.version_order)
        query = select(*_COLUMNS).where(mine, ~outdone).order_by(components.c.name)
        if after is not None:
            query = query.where(components.c.name > after)
        return self._page(query, limit, lambda last: last.name)

    def versions(self, key: ComponentArn, after: str | None = None, limit: int = 100) -> ComponentPage:
        """The versions of the component, the highest first, whatever version `key` names. None is an empty page.

        Args:
            key: the component.
            after: `ComponentPage.cursor` of the page before: the last version.
            limit: versions of one page, at least 1.

        Raises:
            ValueError: `after` is no version.
        """
        query = select(*_COLUMNS).where(_is_of(key)).order_by(components.c.version_order.desc())
        if after is not None:
            query = query.where(components.c.version_order < order_key(after))
        return self._page(query, limit, lambda last: last.version)

    def put_tags(self, key: ComponentArn, tags: Mapping[str, str], *, most: int | None = None) -> None:
        """Set tags, each over an earlier value of its key.

        Raises:
            ValidationFault: the version would have more than `most` tags; none is set then.
            ResourceNotFound: there is no such version.
        """

        def put(held: dict[str, str]) -> dict[str, str]:
            whole = held | dict(tags)
            if most is not None and len(whole) > most:
                raise ValidationFault(f"{key} would have {len(whole)} tags, and {most} are allowed. Delete some first.")
            return whole

        self._change_tags(key, put)

    def remove_tags(self, key: ComponentArn, keys: Iterable[str]) -> None:
        """Remove tags; a key that is not there is passed over.

        Raises:
            ResourceNotFound: there is no such version.
        """
        unwanted = frozenset(keys)
        self._change_tags(key, lambda held: {name: value for name, value in held.items() if name not in unwanted})

    def _change_tags(self, key: ComponentArn, change: Callable[[dict[str, str]], dict[str, str]]) -> None:
        with reaching_database(), self._engine.begin() as connection:
            connection.execute(
                update(components).values(tags=_json(change(_locked_tags(connection, key)))).where(_is(key))
            )

    def _first(self, query: Select[Any]) -> Component | None:
        with reaching_database(), self._reads.connect() as connection:
            row = connection.execute(query).first()
        return None if row is None else _from_row(row)

    def _page(self, query: Select[Any], limit: int, cursor: Callable[[Component], str]) -> ComponentPage:
        with reaching_database(), self._reads.connect() as connection:
            rows = connection.execute(query.limit(limit + 1)).all()
        found = tuple(_from_row(row) for row in rows[:limit])
        return ComponentPage(found, cursor(found[-1]) if len(rows) > limit else None)


def _put(connection: Connection, component: Component) -> tuple[bool, Component | None]:
    """Insert a version: whether that made it, and what is stored; None where one that was in the way is gone by now."""
    make = insert_into(components, connection).on_conflict_do_nothing().returning(components.c.name)
    made = connection.execute(make, _to_row(component)).first()
    held = connection.execute(select(*_COLUMNS).where(_is(component.key))).first()
    return made is not None, None if held is None else _from_row(held)


def _is_of(key: ComponentArn) -> ColumnElement[bool]:
    return and_(components.c.account == key.account, components.c.region == key.region, components.c.name == key.name)


def _is(key: ComponentArn) -> ColumnElement[bool]:
    return and_(_is_of(key), components.c.version == key.version)


def _locked_tags(connection: Connection, key: ComponentArn) -> dict[str, str]:
    """The version's tags, locked until the transaction ends."""
    # An update that changes nothing takes the lock, on both databases.
    lock = update(components).values(name=key.name).where(_is(key)).returning(components.c.tags)
    held = connection.execute(lock).scalar()
    if held is None:
        raise _missing(key)
    tags: dict[str, str] = orjson.loads(held)
    return tags


def _to_row(component: Component) -> dict[str, Any]:
    row: dict[str, Any] = {name: getattr(component, name) for name in _NAMES}
    row |= {name: _json(row[name]) for name in _JSON_COLUMNS}
    return row | {"created_at": milliseconds(component.created_at), "version_order": order_key(component.version)}


def _from_row(row: Sequence[Any]) -> Component:
    members = dict(zip(_NAMES, row, strict=True))
    members |= {name: orjson.loads(members[name]) for name in _JSON_COLUMNS}
    members |= {name: tuple(members[name]) for name in ("platforms", "artifacts")}
    return Component(**members | {"created_at": from_milliseconds(members["created_at"])})


def _json(value: object) -> str:
    return orjson.dumps(dict(value) if isinstance(value, Mapping) else value).decode()


def _missing(key: ComponentArn) -> ResourceNotFound:
    return ResourceNotFound(f"The following resource was not found: {key}", str(key))


def _taken(component: Component) -> ComponentExists:
    return ComponentExists(
        f"Component [{component.name} : {component.version}] for account [{component.account}] already exists "
        f"with state: [{component.state}]",
        component.arn,
    )
