"""${message}."""

import sqlalchemy as sa
from alembic import op

revision = ${repr(up_revision)}
down_revision = ${repr(down_revision)}


def upgrade() -> None:
    """Change the tables; runs inside the transaction of `createDB.build`."""
    ${upgrades if upgrades else "raise NotImplementedError"}
