"""What alembic runs: the steps, on the connection that the store gives."""

from alembic import context

from slipway.serving.fleet.store.tables import METADATA

context.configure(connection=context.config.attributes["connection"], target_metadata=METADATA)
with context.begin_transaction():
    context.run_migrations()
