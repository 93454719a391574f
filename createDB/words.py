"""How what is counted is written for people."""


def counted(number: int, one: str, several: str) -> str:
    """Write how many there are of something: `1 reporte`, `2 reportes`."""
    return f"{number} {one if number == 1 else several}"
