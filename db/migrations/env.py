"""Alembic runs this file; schema.migrate gives it the connection. No logging is set up: that is the program's own."""

from alembic import context

from db.models import Base

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Base.metadata,
    render_as_batch=True,  # SQLite changes a table by rebuilding it
    transactional_ddl=True,  # a migration that is killed leaves the store as it was
)
with context.begin_transaction():
    context.run_migrations()
