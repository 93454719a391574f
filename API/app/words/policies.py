"""The policies, their exceptions, and queries that are tried."""

WORDS: dict[str, tuple[str, str]] = {
    "no_policies": ("Aún no hay políticas en vigor", "There are no policies in force yet"),
    "no_policies_why": (
        "El colector lee las de API/politicas y las de su carpeta al arrancar.",
        "The collector reads those of API/politicas and of your own folder when it starts.",
    ),
    "to_judge": ("{n} servidores por juzgar", "{n} servers to be judged"),
    "to_judge_one": ("1 servidor por juzgar", "1 server to be judged"),
    "try_query": ("Probar una consulta", "Try a query"),
    "why": ("Por qué", "Why"),
    "remedy": ("Remedio", "Remedy"),
    "references": ("Referencias", "References"),
    "query": ("Consulta", "Query"),
    "evidence": ("Evidencia", "Evidence"),
    "evidence_first": ("Al principio", "At first"),
    "evidence_more": ("{n} filas más", "{n} more rows"),
    "evidence_more_one": ("1 fila más", "1 more row"),
    "reason": ("Motivo", "Reason"),
    "nobody_said": ("Ningún servidor", "No server"),
    "nobody_no_cumple": ("Ningún servidor la incumple.", "No server fails it."),
    "nobody_exceptuado": ("Ningún servidor está exceptuado.", "No server is excepted."),
    "nobody_sin_datos": (
        "De todos los servidores se sabe lo que hace falta.",
        "What it takes is known of every server.",
    ),
    "nobody_cumple": ("Ningún servidor la cumple.", "No server complies with it."),
    "nobody_no_aplica": ("Es para todos los servidores.", "It is for all servers."),
    "exceptions": ("Excepciones", "Exceptions"),
    "no_exceptions": ("No hay excepciones", "There are no exceptions"),
    "no_exceptions_why": (
        "Con una, lo que no cumple se ve como exceptuado hasta una fecha.",
        "With one, what does not comply is shown as excepted until a date.",
    ),
    "except_this": ("Exceptuar", "Except"),
    "add_exception": ("Añadir una excepción", "Add an exception"),
    "for_whom": ("Para", "For"),
    "for_server": ("Un servidor", "A server"),
    "for_label": ("Una etiqueta", "A label"),
    "whom_hint": ("Nombre, id, o clave:valor", "Name, id, or name:value"),
    "until_day": ("Hasta (ese día incluido, UTC)", "Until (that day included, UTC)"),
    "who_granted": ("Quién", "Who"),
    "state_of_it": ("Estado", "State"),
    "in_force": ("En vigor", "In force"),
    "expired": ("Vencida", "Expired"),
    "ended": ("Terminada", "Ended"),
    "end_exception": ("Terminar", "End"),
    "done_excepted": ("La excepción está en vigor.", "The exception is in force."),
    "done_exception_ended": ("La excepción está terminada.", "The exception has ended."),
    "trial_what": (
        "Una SELECT de las filas que violan la política, para el reporte :id_serv en el momento "
        ":en. Se corre con el último reporte de cada servidor, sólo para leer, durante {seconds} "
        "segundos como mucho; no cambia nada.",
        "One SELECT of the rows that violate the policy, for the report :id_serv at the moment "
        ":en. It runs with the latest report of each server, to read alone, for {seconds} seconds "
        "at most; it changes nothing.",
    ),
    "run": ("Probar", "Try"),
    "trial_busy": (
        "Alguien más está probando una consulta; vuelva a intentarlo en unos segundos.",
        "Somebody else is trying a query; try again in a few seconds.",
    ),
    "trial_found": (
        "La violan {violating} de {tried} servidores.",
        "{violating} of {tried} servers violate it.",
    ),
    "trial_short": (
        "No hubo tiempo para los {left} servidores que faltan.",
        "There was no time for the {left} servers that are left.",
    ),
    "trial_failed": ("La consulta no sirve", "The query will not do"),
    "trial_nothing": ("Ningún servidor la viola", "No server violates it"),
}
