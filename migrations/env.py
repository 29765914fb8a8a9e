"""Runs the revisions on the connection, and in the transaction, that `responder.storage.migrate` hands in."""

from alembic import context

from responder.storage.schema import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    render_as_batch=True,
)
with context.begin_transaction():
    context.run_migrations()
