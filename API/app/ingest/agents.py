"""What the latest report of a server makes of its row in `agentes`."""

OF_LATEST = ("hostname", "ipaddress", "id_serv", "intervalo", "version_agente", "momento")
"""Columns of `agentes` that its latest report decides."""

AGENT_ROW = (*OF_LATEST, "num_agente", "siguiente", "recibido", "descartados")
"""What there is to know of a report for it, in this order."""


def update_agents_from(reported: str) -> str:
    """Write the UPDATE for the rows that a SELECT or VALUES gives, in the order of `AGENT_ROW`."""
    latest = "reported.momento >= coalesce(agentes.momento, reported.momento)"
    of_latest = (f"{name} = iif({latest}, reported.{name}, agentes.{name})" for name in OF_LATEST)
    return f"""
        WITH reported ({", ".join(AGENT_ROW)}) AS ({reported})
        UPDATE agentes SET
            siguiente = max(agentes.siguiente, reported.siguiente),
            primer_reporte = coalesce(min(primer_reporte, recibido), primer_reporte, recibido),
            ultimo_reporte = coalesce(max(ultimo_reporte, recibido), ultimo_reporte, recibido),
            descartados =
                max(coalesce(agentes.descartados, 0), coalesce(reported.descartados, 0)),
            {", ".join(of_latest)}
        FROM reported WHERE agentes.num_agente = reported.num_agente
    """  # noqa: S608 - text of our own
