"""The first page."""

WORDS: dict[str, tuple[str, str]] = {
    "servers": ("Servidores", "Servers"),
    "compliance": ("Cumplimiento", "Compliance"),
    "no_servers": ("Aún no hay servidores", "There are no servers yet"),
    "no_servers_why": (
        "Esta página se llena sola con el primer reporte; no hace falta recargarla.",
        "This page fills by itself with the first report; there is no need to reload it.",
    ),
    "invite": ("Mostrar la línea para un servidor", "Show the line for a server"),
    "invite_hint": (
        "Hace un secreto de alta, que reemplaza al anterior y vale {hours} horas.",
        "Makes an enrolment secret, which replaces the one before and works for {hours} hours.",
    ),
    "invite_not_you": (
        "Pida a un administrador la línea con que un servidor se da de alta; también la da "
        "`init_app.py secret rotate` en el equipo del colector.",
        "Ask an administrator for the line that enrols a server; on the collector's machine "
        "`init_app.py secret rotate` gives it, too.",
    ),
    "invitation": ("Dar de alta un servidor", "Enrol a server"),
    "invitation_how": (
        "Copie en el servidor agente/ y agente.sh, y pegue ahí esta línea:",
        "Copy agente/ and agente.sh to the server, and paste this line there:",
    ),
    "invitation_once": (
        "No se vuelve a mostrar. Vale {hours} horas, para todos los servidores que quiera.",
        "It is not shown again. It works for {hours} hours, for as many servers as you like.",
    ),
    "share_label": (
        "cumplen todo: {complying} de {judged}",
        "comply with everything: {complying} of {judged}",
    ),
    "share_hint": (
        "Servidores en servicio que no incumplen ninguna política, entre los que tienen "
        "veredictos. Lo exceptuado no cumple: ninguna excepción lo mejora.",
        "Servers in service that fail no policy, of those that have verdicts. What is excepted "
        "does not comply: no exception makes it better.",
    ),
    "trend_label": ("Últimos 30 días", "Last 30 days"),
    "trend_what": ("Cumplen todo", "Comply with everything"),
    "latest_alerts": ("Últimas alertas", "Latest alerts"),
    "no_alerts": ("Aún no hay alertas", "There are no alerts yet"),
    "no_alerts_why": (
        "Se abre una cuando un servidor deja de cumplir, calla o aparece.",
        "One is opened when a server ceases to comply, falls silent or appears.",
    ),
    "alert_note": ("Aviso", "Notice"),
    "alert_over": ("Resuelta", "Over"),
    "alert_incumplimiento": ("Incumple", "Fails"),
    "alert_silencio": ("No reporta", "Does not report"),
    "alert_servidor_nuevo": ("Servidor nuevo", "New server"),
    "alert_clon": ("Clon", "Clone"),
    "alert_regreso": ("Volvió", "Came back"),
    "more_changes": ("y {n} cambios más", "and {n} more changes"),
    "more_changes_one": ("y 1 cambio más", "and 1 more change"),
    "no_verdicts": ("Aún no hay veredictos", "There are no verdicts yet"),
    "no_verdicts_why": (
        "Las políticas se juzgan con cada reporte que llega.",
        "Policies are judged with every report that comes.",
    ),
    "kept": ("{n} reportes esperan a la base de datos", "{n} reports wait for the database"),
    "kept_one": ("1 reporte espera a la base de datos", "1 report waits for the database"),
    "kept_why": (
        "Están a salvo en la bitácora JSON, y entran solos cuando vuelve.",
        "They are safe in the JSON log, and enter by themselves when it is back.",
    ),
    "behind": ("{n} reportes por juzgar", "{n} reports to be judged"),
    "behind_one": ("1 reporte por juzgar", "1 report to be judged"),
    "worst_policies": ("Lo que más falla", "What fails most"),
    "all_comply": ("Ningún servidor incumple", "No server fails anything"),
    "all_comply_why": (
        "Las {n} políticas en vigor se cumplen donde se pudo juzgar.",
        "The {n} policies in force are complied with wherever that could be judged.",
    ),
    "latest_changes": ("Últimos cambios", "Latest changes"),
    "no_changes": ("Aún no hay cambios", "There are no changes yet"),
    "no_changes_why": (
        "Aquí se ve lo que empieza y lo que termina en los servidores; lo primero, tras el primer "
        "reporte.",
        "What begins and ends on the servers is seen here; the first of it after the first report.",
    ),
    "failing": ("No cumplen", "Failing"),
}
