"""What devices said of the pictures that they sent."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Make the column."""
    op.add_column("samples", sa.Column("told", sa.Text(), nullable=True))
