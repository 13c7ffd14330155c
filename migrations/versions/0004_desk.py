"""The operators' desk: what it did, what it took out, who is on what; edited copies in the waiting room.

Revision: 0004
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0004"
down_revision = "0003"

DESK_ACTION_KIND = postgresql.ENUM(
    "replay",
    "edit",
    "discard",
    "restore",
    "note",
    "take",
    "import",
    name="desk_action_kind",
    create_type=False,
)
LETTER_OUTCOME = postgresql.ENUM(
    "live",
    "done",
    "dead again",
    "still running",
    "nothing to do",
    "kept",
    name="letter_outcome",
    create_type=False,
)
ENUMS = (DESK_ACTION_KIND, LETTER_OUTCOME)


def upgrade() -> None:
    for enum in ENUMS:
        enum.create(op.get_bind())
    op.add_column("open_steps", sa.Column("supersedes", sa.Uuid(), nullable=True))
    create_actions()
    create_archive()
    op.create_table(
        "dead_letter_notes",
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("note", sa.Text(), nullable=True),
        sa.Column("owner", sa.Text(), nullable=True),
        sa.Column("since", sa.DateTime(timezone=True), server_default=sa.func.now(), nullable=False),
        sa.PrimaryKeyConstraint("subject", name="pk_dead_letter_notes"),
    )


def create_actions() -> None:
    op.create_table(
        "desk_actions",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("kind", DESK_ACTION_KIND, nullable=False),
        sa.Column("by", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("detail", postgresql.JSONB(), nullable=False),
        sa.Column("began_at", sa.DateTime(timezone=True), server_default=sa.func.now(), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_desk_actions"),
    )
    op.create_index("ix_desk_actions_began_at", "desk_actions", ["began_at"])
    op.create_table(
        "desk_action_letters",
        sa.Column("action_id", sa.Uuid(), nullable=False),
        sa.Column("consumer", sa.Text(), nullable=False),
        sa.Column("event_id", sa.Uuid(), nullable=False),
        sa.Column("death", sa.Integer(), nullable=False),
        sa.Column("outcome", LETTER_OUTCOME, nullable=True),
        sa.PrimaryKeyConstraint("action_id", "consumer", "event_id", name="pk_desk_action_letters"),
        sa.ForeignKeyConstraint(
            ["action_id"],
            ["desk_actions.id"],
            name="fk_desk_action_letters_action_id_desk_actions",
            ondelete="CASCADE",
        ),
    )
    op.create_index("ix_desk_action_letters_event_id", "desk_action_letters", ["event_id"])


def create_archive() -> None:
    op.create_table(
        "dead_letter_archive",
        sa.Column("id", sa.BigInteger(), sa.Identity(), nullable=False),
        sa.Column("consumer", sa.Text(), nullable=False),
        sa.Column("event_id", sa.Uuid(), nullable=False),
        sa.Column("death", sa.Integer(), nullable=False),
        sa.Column("project_id", sa.Uuid(), nullable=True),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("headers", postgresql.JSONB(), nullable=False),
        sa.Column("action_id", sa.Uuid(), nullable=False),
        sa.Column("copy_id", sa.Uuid(), nullable=True),
        sa.Column("changes", sa.Text(), nullable=True),
        sa.Column("archived_at", sa.DateTime(timezone=True), server_default=sa.func.now(), nullable=False),
        sa.Column("restored_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_dead_letter_archive"),
    )
    op.create_index(
        "uq_dead_letter_archive_kept",
        "dead_letter_archive",
        ["consumer", "event_id", "death"],
        unique=True,
        postgresql_where=sa.text("restored_at IS NULL"),
    )


def downgrade() -> None:
    for table in ("dead_letter_notes", "dead_letter_archive", "desk_action_letters", "desk_actions"):
        op.drop_table(table)
    op.drop_column("open_steps", "supersedes")
    for enum in reversed(ENUMS):
        enum.drop(op.get_bind())
