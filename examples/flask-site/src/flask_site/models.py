"""The tables."""

from datetime import UTC, datetime

from sqlalchemy import BigInteger, DateTime, Dialect, Index, Integer, String, func
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column
from sqlalchemy.types import TypeDecorator


class Base(DeclarativeBase):
    """What all tables share."""


class UtcTime(TypeDecorator[datetime]):
    """A point in time, kept as UTC by databases that know time zones and by those that do not."""

    impl = DateTime
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Give what is kept: UTC, without its zone."""
        return value and value.astimezone(UTC).replace(tzinfo=None)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Give what was kept its zone back."""
        return value and value.replace(tzinfo=UTC)


def now() -> datetime:
    """Return the time, as it is kept: in UTC."""
    return datetime.now(UTC)


# --8<-- [start:package]
class Package(Base):
    """A package that the team likes."""

    __tablename__ = "packages"

    id: Mapped[int] = mapped_column(BigInteger().with_variant(Integer, "sqlite"), primary_key=True)
    name: Mapped[str] = mapped_column(String(80))
    summary: Mapped[str] = mapped_column(String(200))
    url: Mapped[str] = mapped_column(String(500))
    version: Mapped[int] = mapped_column()  # counts the changes: of two edits at once, the second is refused
    created: Mapped[datetime] = mapped_column(UtcTime, default=now)
    updated: Mapped[datetime] = mapped_column(UtcTime, default=now, onupdate=now)

    __mapper_args__ = {"version_id_col": version}  # noqa: RUF012


UNIQUE_NAME = "packages_unique_name"
Index(UNIQUE_NAME, func.lower(Package.name), unique=True)
# --8<-- [end:package]
