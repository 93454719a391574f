"""The table of what is to be judged anew since a report came late."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Make it; it is empty."""
    op.create_table(
        "por_juzgar",
        sa.Column("num_agente", sa.Integer),
        sa.Column("desde", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("num_agente", name="pk_por_juzgar"),
        sa.ForeignKeyConstraint(
            ["num_agente"], ["agentes.num_agente"], name="fk_por_juzgar_num_agente"
        ),
    )
