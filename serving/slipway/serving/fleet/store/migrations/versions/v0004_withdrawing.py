"""Tokens that are withdrawn before they are used."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Make the column."""
    op.add_column("tokens", sa.Column("withdrawn_at", sa.BigInteger(), nullable=True))
