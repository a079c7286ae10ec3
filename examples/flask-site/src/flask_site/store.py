"""What can be done with packages: the pages, the API and the import all do it here."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from sqlalchemy import func, or_, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session
from sqlalchemy.orm.exc import StaleDataError

from flask_site.fields import PackageFields, Search
from flask_site.models import UNIQUE_NAME, Package

PER_PAGE = 20


class Missing(Exception):
    """There is no such package, or no such page of them."""


class Duplicate(Exception):
    """Another package has the name."""


class Stale(Exception):
    """Somebody else has changed the package meanwhile."""


@dataclass(frozen=True)
class Found:
    """A page of a search."""

    packages: list[Package]
    page: int
    pages: int
    total: int


# --8<-- [start:search]
def search(session: Session, wanted: Search) -> Found:
    """Return a page of the packages whose name or summary has the text, sorted by name.

    Raises:
        Missing: there are fewer pages.
    """
    columns = (Package.name, Package.summary)
    matches = or_(*(column.icontains(wanted.q, autoescape=True) for column in columns))
    total = session.scalar(select(func.count()).select_from(Package).where(matches)) or 0
    pages = max(1, -(-total // PER_PAGE))
    if wanted.page > pages:
        raise Missing
    rows = select(Package).where(matches).order_by(func.lower(Package.name))
    packages = session.scalars(rows.limit(PER_PAGE).offset(PER_PAGE * (wanted.page - 1))).all()
    return Found(list(packages), wanted.page, pages, total)


# --8<-- [end:search]


def get(session: Session, number: int) -> Package:
    """Return the package of an id.

    Raises:
        Missing: there is none.
    """
    package = session.get(Package, number)
    if package is None:
        raise Missing
    return package


# --8<-- [start:add]
def add(session: Session, fields: PackageFields) -> Package:
    """Add a package.

    Raises:
        Duplicate: another has its name.
    """
    package = Package(**fields.model_dump())
    session.add(package)
    with _refusals():
        session.flush()
    return package


# --8<-- [end:add]


# --8<-- [start:edit]
def edit(session: Session, number: int, seen: int, fields: PackageFields) -> Package:
    """Change a package.

    Args:
        session: of `database.writing`.
        number: the id of the package.
        seen: the version that the change was made from.
        fields: how it is to be.

    Raises:
        Missing: there is no such package.
        Stale: it has another version by now.
        Duplicate: another has its new name.
    """
    package = get(session, number)
    if package.version != seen:
        raise Stale
    for name in PackageFields.model_fields:
        setattr(package, name, getattr(fields, name))
    with _refusals():
        session.flush()
    return package


# --8<-- [end:edit]


def delete(session: Session, number: int, seen: int | None) -> None:
    """Delete a package.

    Args:
        session: of `database.writing`.
        number: the id of the package.
        seen: the version that was to be deleted; any if None.

    Raises:
        Missing: there is no such package.
        Stale: it has another version by now.
    """
    package = get(session, number)
    if seen not in (None, package.version):
        raise Stale
    session.delete(package)
    with _refusals():
        session.flush()


@contextmanager
def _refusals() -> Iterator[None]:
    """Say what the database refuses in words of the catalogue."""
    try:
        yield
    except StaleDataError as error:
        raise Stale from error
    except IntegrityError as error:
        if UNIQUE_NAME in str(error.orig):
            raise Duplicate from error
        raise
