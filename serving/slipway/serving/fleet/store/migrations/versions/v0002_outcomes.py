"""Pictures of decisions, and what decisions should have been."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "outcomes",
        sa.Column("decision", sa.String(length=128), autoincrement=False, nullable=False),
        sa.Column("source", sa.String(length=64), autoincrement=False, nullable=False),
        sa.Column("device", sa.String(length=64), nullable=False),
        sa.Column("site", sa.String(length=64), nullable=True),
        sa.Column("model", sa.String(length=64), nullable=False),
        sa.Column("release", sa.BigInteger(), nullable=True),
        sa.Column("bundle", sa.String(length=64), nullable=False),
        sa.Column("right", sa.Integer(), nullable=False),
        sa.Column("truth", sa.Text(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("told_at", sa.BigInteger(), nullable=False),
        sa.Column("told_by", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("decision", "source"),
    )
    op.create_index("outcomes_by_release", "outcomes", ["model", "release"], unique=False)
    op.create_index("outcomes_by_time", "outcomes", ["model", "at"], unique=False)
    op.create_table(
        "samples",
        sa.Column("decision", sa.String(length=128), autoincrement=False, nullable=False),
        sa.Column("device", sa.String(length=64), nullable=False),
        sa.Column("subject", sa.Integer(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("why", sa.String(length=64), nullable=False),
        sa.Column("confidence", sa.Float(), nullable=True),
        sa.Column("novelty", sa.Float(), nullable=True),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("picture", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("decision"),
    )
    op.create_index(op.f("ix_samples_at"), "samples", ["at"], unique=False)
    op.create_index("samples_by_device", "samples", ["device", "at"], unique=False)
    op.create_index("samples_by_subject", "samples", ["subject", "at"], unique=False)
