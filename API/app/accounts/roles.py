"""What somebody may do."""

from enum import StrEnum


class Role(StrEnum):
    """A role; each allows what the ones before it do, and more."""

    LECTOR = "lector"
    """Read what is stored."""
    OPERADOR = "operador"
    """Look after the servers: label, pause, retire, waive."""
    ADMINISTRADOR = "administrador"
    """Say who may come in."""

    def covers(self, other: "Role") -> bool:
        """Tell whether this role allows all that `other` does."""
        return _ORDER.index(self) >= _ORDER.index(other)


_ORDER = tuple(Role)


def lesser(one: Role, other: Role) -> Role:
    """Give what both roles allow."""
    return one if other.covers(one) else other
