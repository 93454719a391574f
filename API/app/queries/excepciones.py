"""The exceptions from policies, those that ended too."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Row

COVERS = """(e.num_agente = a.num_agente OR EXISTS (
    SELECT 1 FROM json_each(a.etiquetas) l
    WHERE l.key = e.etiqueta AND l.value = coalesce(e.valor, l.value)))"""
"""Tells whether `excepciones e` is for the server of `agentes a`."""
ENDS = "coalesce(e.terminada, e.hasta)"

_ALL = """
    SELECT x.id_excepcion, o.id_politica, a.id_agente, a.hostname, x.etiqueta, x.valor, x.motivo,
        x.quien, x.desde, x.hasta, x.terminada
    FROM excepciones x JOIN politicas o ON o.num_politica = x.num_politica
    LEFT JOIN agentes a ON a.num_agente = x.num_agente ORDER BY x.id_excepcion
"""


def all_exceptions(connection: Connection) -> Sequence[Row[Any]]:
    """List them all, the oldest first."""
    return connection.exec_driver_sql(_ALL).all()
