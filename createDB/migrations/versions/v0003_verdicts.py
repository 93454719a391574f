"""An index by which a fleet's verdicts are counted without reading their evidence."""

from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Make it."""
    name = "ix_cumplimiento_hasta_veredicto_num_politica"
    op.create_index(name, "cumplimiento", ["hasta", "veredicto", "num_politica"])
