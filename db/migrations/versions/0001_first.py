"""The first schema."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

STATES = "state IN ('created', 'running', 'finished', 'failed', 'stopped')"


def upgrade() -> None:
    op.execute(f"PRAGMA application_id = {0x4C4F434B}")
    _runs()
    _events()
    _models()
    for change in ("UPDATE", "DELETE"):
        op.execute(
            f"CREATE TRIGGER alias_history_no_{change.lower()} BEFORE {change} ON alias_history "
            "BEGIN SELECT RAISE(ABORT, 'the history of aliases is append-only'); END"
        )


def _runs() -> None:
    op.create_table(
        "experiments",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("name", sa.Text, nullable=False, unique=True),
        sa.Column("created_at", sa.Float, nullable=False),
    )
    op.create_table(
        "runs",
        sa.Column("number", sa.Integer, primary_key=True),
        sa.Column("id", sa.Text, nullable=False, unique=True),
        sa.Column("experiment_id", sa.Integer, sa.ForeignKey("experiments.id"), nullable=False),
        sa.Column("name", sa.Text, nullable=False, unique=True),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("message", sa.Text, nullable=False),
        sa.Column("spec", sa.Text, nullable=False),
        sa.Column("environment", sa.Text, nullable=False),
        sa.Column("progress", sa.Text, nullable=False),
        sa.Column("data_s", sa.Float, nullable=False),
        sa.Column("compute_s", sa.Float, nullable=False),
        sa.Column("created_at", sa.Float, nullable=False),
        sa.Column("started_at", sa.Float),
        sa.Column("ended_at", sa.Float),
        sa.Column("heartbeat_at", sa.Float, nullable=False),
        sa.Column("run_dir", sa.Text, nullable=False),
        sa.Column("parent", sa.Text, sa.ForeignKey("runs.id")),
        sa.Column("stop_requested", sa.Boolean, nullable=False),
        sa.Column("last_seq", sa.BigInteger, nullable=False),
        sa.CheckConstraint(STATES, name="run_state"),
    )
    op.create_index("runs_by_experiment", "runs", ["experiment_id", "number"])
    op.create_index("runs_by_state", "runs", ["state", "heartbeat_at"])
    op.create_table(
        "params",
        sa.Column("run_number", sa.Integer, sa.ForeignKey("runs.number"), primary_key=True),
        sa.Column("position", sa.Integer, primary_key=True),
        sa.Column("key", sa.Text, nullable=False),
        sa.Column("value", sa.Text, nullable=False),
        sa.UniqueConstraint("run_number", "key"),
        sqlite_with_rowid=False,
    )


def _events() -> None:
    op.create_table(
        "series",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("run_number", sa.Integer, sa.ForeignKey("runs.number"), nullable=False),
        sa.Column("key", sa.Text, nullable=False),
        sa.Column("last_seq", sa.BigInteger, nullable=False),
        sa.Column("last_value", sa.Float),
        sa.UniqueConstraint("run_number", "key"),
    )
    op.create_table(
        "points",
        sa.Column("series_id", sa.Integer, sa.ForeignKey("series.id"), primary_key=True),
        sa.Column("seq", sa.BigInteger, primary_key=True),
        sa.Column("step", sa.BigInteger, nullable=False),
        sa.Column("time", sa.Float, nullable=False),
        sa.Column("value", sa.Float),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "logs",
        sa.Column("run_number", sa.Integer, sa.ForeignKey("runs.number"), primary_key=True),
        sa.Column("seq", sa.BigInteger, primary_key=True),
        sa.Column("time", sa.Float, nullable=False),
        sa.Column("rank", sa.Integer, nullable=False),
        sa.Column("text", sa.Text, nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "artifacts",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("run_number", sa.Integer, sa.ForeignKey("runs.number"), nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("path", sa.Text, nullable=False),
        sa.Column("sha256", sa.Text, nullable=False),
        sa.Column("bytes", sa.BigInteger, nullable=False),
        sa.Column("created_at", sa.Float, nullable=False),
        sa.UniqueConstraint("run_number", "name"),
    )


def _models() -> None:
    op.create_table(
        "models",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("name", sa.Text, nullable=False, unique=True),
        sa.Column("created_at", sa.Float, nullable=False),
    )
    op.create_table(
        "versions",
        sa.Column("model_id", sa.Integer, sa.ForeignKey("models.id"), primary_key=True),
        sa.Column("version", sa.Integer, primary_key=True),
        sa.Column("run_id", sa.Text, sa.ForeignKey("runs.id")),
        sa.Column("path", sa.Text, nullable=False, unique=True),
        sa.Column("proof", sa.Text, nullable=False),
        sa.Column("created_at", sa.Float, nullable=False),
    )
    op.create_table(
        "aliases",
        sa.Column("model_id", sa.Integer, primary_key=True),
        sa.Column("alias", sa.Text, primary_key=True),
        sa.Column("version", sa.Integer, nullable=False),
        sa.ForeignKeyConstraint(["model_id", "version"], ["versions.model_id", "versions.version"]),
    )
    op.create_table(
        "alias_history",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("model_id", sa.Integer, sa.ForeignKey("models.id"), nullable=False),
        sa.Column("alias", sa.Text, nullable=False),
        sa.Column("version", sa.Integer),
        sa.Column("time", sa.Float, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
    )
    op.create_index("alias_history_by_model", "alias_history", ["model_id", "alias", "time"])
