"""The import of a CSV file: row by row, and all rows or none."""

import csv
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any, BinaryIO

from pydantic import ValidationError
from sqlalchemy import func, insert, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from flask_site.fields import PackageFields, faults
from flask_site.models import Package

COLUMNS = set(PackageFields.model_fields)
NEEDED = {name for name, field in PackageFields.model_fields.items() if field.is_required()}
BATCH = 500  # rows that go to the database together
REPORTED = 100  # bad rows, after which the rest is not looked at

Row = tuple[int, list[str]]  # the line that it begins in, and its cells


@dataclass(frozen=True, order=True)
class BadRow:
    """What is wrong with a row."""

    line: int
    column: str
    fault: str

    def __str__(self) -> str:
        """Say it in a line."""
        return f"line {self.line}, {self.column}: {self.fault}"


class BadFile(Exception):
    """A file of which nothing is imported; where single rows are the reason, `rows` has them."""

    def __init__(self, message: str, rows: list[BadRow] | None = None) -> None:
        """Keep what is wrong."""
        super().__init__(message)
        self.rows = rows or []


# --8<-- [start:import-rows]
def import_rows(session: Session, stream: BinaryIO, progress: Callable[[int], object] = lambda count: None) -> int:
    """Add a package for each row of a CSV file.

    Args:
        session: of `database.writing`, so that all rows are committed together.
        stream: the file, in UTF-8, its columns in any order; it is never in memory as a whole.
        progress: is told after each batch how many rows were read.

    Returns:
        The number of packages.

    Raises:
        BadFile: the file is not as expected; the session is to be rolled back.
    """
    count, bad = 0, []
    header, rows = _read(stream)
    while batch := list(islice(rows, BATCH)):
        count += len(batch)
        bad += _add(session, header, batch)
        progress(count)
        if len(bad) >= REPORTED:
            break
    if bad:
        rest = "; the rest was not looked at" if len(bad) >= REPORTED else ""
        raise BadFile(f"nothing is imported, faults found: {len(bad)}{rest}", sorted(bad))
    return count


def _add(session: Session, header: list[str], batch: list[Row]) -> list[BadRow]:
    """Add the good rows of a batch, and return what is wrong with the others."""
    bad: list[BadRow] = []
    good: dict[str, tuple[int, PackageFields]] = {}  # by the name in lower case
    for line, cells in batch:
        if len(cells) != len(header):
            bad.append(BadRow(line, "row", f"expected {len(header)} cells, found {len(cells)}"))
            continue
        try:
            fields = PackageFields.model_validate(dict(zip(header, cells, strict=True)))
        except ValidationError as error:
            bad += [BadRow(line, column, fault) for column, fault in faults(error).items()]
            continue
        if fields.name.lower() in good:
            bad.append(BadRow(line, "name", f"the same as in line {good[fields.name.lower()][0]}"))
        good.setdefault(fields.name.lower(), (line, fields))
    for name in _known(session, list(good)):
        bad.append(BadRow(good.pop(name)[0], "name", "there is a package of this name"))
    if good:
        try:
            session.execute(insert(Package), [{**fields.model_dump(), "version": 1} for _, fields in good.values()])
        except IntegrityError:
            raise BadFile("a package of one of these names was added meanwhile; import the file again") from None
    return bad


def _known(session: Session, names: list[str]) -> set[str]:
    """Return those of the names, in lower case, that packages have; rows of earlier batches are among them."""
    name = func.lower(Package.name)
    return set(session.scalars(select(name).where(name.in_(names))))


# --8<-- [end:import-rows]


# --8<-- [start:read]
def _read(stream: BinaryIO) -> tuple[list[str], Iterator[Row]]:
    reader = csv.reader(_decode(stream), strict=True)
    _, cells = next(_rows(reader), (1, []))
    header = [name.strip().lower() for name in cells]
    if not NEEDED <= set(header) <= COLUMNS or len(set(header)) < len(header):
        expected, found = ", ".join(PackageFields.model_fields), ascii(", ".join(header))[:80]
        raise BadFile(f"line 1: expected the columns {expected}, separated by commas; found {found}")
    return header, _rows(reader)


def _rows(reader: Any) -> Iterator[Row]:
    line = reader.line_num + 1
    try:
        for cells in reader:
            if cells:  # an empty line is no row
                yield line, cells
            line = reader.line_num + 1
    except csv.Error as error:
        raise BadFile(f"line {line}: not a row of a CSV file: {error}") from None


def _decode(stream: BinaryIO) -> Iterator[str]:
    for number, line in enumerate(stream, 1):
        try:
            yield line.decode("utf-8-sig" if number == 1 else "utf-8")
        except UnicodeDecodeError:
            raise BadFile(f"line {number}: not UTF-8; save the file as CSV in UTF-8") from None


# --8<-- [end:read]
