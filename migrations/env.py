"""Runs the revisions on the connection, and in the transaction, that `responder.storage.migrate` hands in."""

from alembic import context

from responder.storage import schema_desk

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=schema_desk.findings.metadata,
    render_as_batch=True,
)
with context.begin_transaction():
    context.run_migrations()
