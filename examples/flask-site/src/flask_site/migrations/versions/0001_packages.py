"""Make the table of packages."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


# --8<-- [start:upgrade]
def upgrade() -> None:
    """Change the tables."""
    op.create_table(
        "packages",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True),
        sa.Column("name", sa.String(80), nullable=False),
        sa.Column("summary", sa.String(200), nullable=False),
        sa.Column("url", sa.String(500), nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("created", sa.DateTime, nullable=False),
        sa.Column("updated", sa.DateTime, nullable=False),
    )
    op.create_index("packages_unique_name", "packages", [sa.text("lower(name)")], unique=True)


def downgrade() -> None:
    """Change them back."""
    op.drop_table("packages")


# --8<-- [end:upgrade]
