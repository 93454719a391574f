"""The agents: their list, and what an operator decides about one."""

WORDS: dict[str, tuple[str, str]] = {
    "search_agents": ("Nombre, identidad o etiqueta", "Name, identity or label"),
    "facet_aviso": ("Avisos", "Notices"),
    "facet_version": ("Versión", "Version"),
    "version_none": ("primera generación", "first generation"),
    "agent": ("Agente", "Agent"),
    "notices": ("Avisos", "Notices"),
    "notice_clon": ("Clon", "Clone"),
    "notice_reloj": ("Reloj fuera de hora", "Clock is off"),
    "notice_descartes": ("Perdió reportes", "Lost reports"),
    "notice_sin_token": ("Sin token", "No token"),
    "notice_rotacion": ("Cambia de token", "Changes its token"),
    "clock_ahead": ("{n} s adelantado", "{n} s ahead"),
    "clock_behind": ("{n} s atrasado", "{n} s behind"),
    "dropped": ("{n} reportes perdidos", "{n} reports lost"),
    "dropped_one": ("1 reporte perdido", "1 report lost"),
    "dropped_hint": (
        "Su cola se llenó mientras el colector no respondía, y los más antiguos se fueron.",
        "Its spool filled up while the collector did not answer, and the oldest reports went.",
    ),
    "clone_of": ("Se dio de alta con el token de", "Enrolled with the token of"),
    "clone_seen": (
        "Dos máquinas usaron su identidad; la última vez",
        "Two machines used its identity; last",
    ),
    "clone_how": (
        "La máquina que arrancó última conserva la identidad y la otra toma una nueva, por sí "
        "sola. Si el token se filtró, revóquelo y dé de alta otra vez los dos equipos.",
        "The machine that booted last keeps the identity and the other takes a new one, by "
        "itself. If the token leaked, revoke it and enrol both machines again.",
    ),
    "no_agents_match": ("Ningún agente coincide", "No agent matches"),
    "enrol": ("Dar de alta servidores", "Enrol servers"),
    "secret": ("Secreto de alta", "Enrolment secret"),
    "secret_now": ("Secreto {n}, desde", "Secret {n}, since"),
    "secret_until": ("hasta", "until"),
    "secret_endless": ("sin fin", "without an end"),
    "secret_used": ("{used} altas", "{used} enrolled"),
    "secret_used_of": ("{used} altas de {most}", "{used} enrolled of {most}"),
    "secret_networks": ("desde {networks}", "from {networks}"),
    "secret_none": ("Aún no hay secreto de alta.", "There is no enrolment secret yet."),
    "secret_rotate": ("Hacer otro secreto", "Make another secret"),
    "secret_hint": (
        "Reemplaza al anterior, que ya no da de alta a nadie, y muestra esta única vez la línea "
        "que se pega en un servidor.",
        "It replaces the one before, which enrols nobody any more, and shows this once the line "
        "to paste on a server.",
    ),
    "shown_once": ("No se vuelve a mostrar.", "It is not shown again."),
    "hours": ("Horas", "Hours"),
    "quota": ("Servidores", "Servers"),
    "networks": ("Redes", "Networks"),
    "no_limit": ("sin límite", "no limit"),
    "wrong_limits": (
        "Horas y servidores son números desde 1; las redes, como 10.20.0.0/16, con comas.",
        "Hours and servers are numbers from 1; networks as 10.20.0.0/16, with commas between.",
    ),
    "decide": ("Qué decidir", "What to decide"),
    "action_pausar": ("Pausar", "Pause"),
    "action_pausar_hint": (
        "No se reciben sus reportes hasta que se reanude; esperan en su agente.",
        "Its reports are not taken until it is resumed; they wait in its agent.",
    ),
    "action_reanudar": ("Reanudar", "Resume"),
    "action_reanudar_hint": (
        "Vuelve a estar activo, de cualquier otro estado.",
        "It is active again, from any other state.",
    ),
    "action_retirar": ("Retirar", "Retire"),
    "action_retirar_hint": (
        "Lo quita de listas y alertas; su pasado queda, y vuelve si reporta.",
        "It leaves lists and alerts; its past stays, and it is back if it reports.",
    ),
    "action_revocar": ("Revocar", "Revoke"),
    "action_revocar_hint": (
        "Su token no vale más: nada suyo se recibe desde la próxima petición.",
        "Its token works no more: nothing of it is taken from the next request on.",
    ),
    "action_sure": ("Sí, quiero hacerlo", "Yes, I want to do this"),
    "action_unsure": (
        "No se hizo nada: marque la casilla para confirmarlo.",
        "Nothing was done: tick the box to confirm it.",
    ),
    "rotate": ("Cambiar su token", "Change its token"),
    "rotate_hint": (
        "Su agente se da otro con su próximo reporte; el anterior vale todavía estas horas.",
        "Its agent makes itself another with its next report; the old one works for these hours.",
    ),
    "rotate_asked": ("Se lo dará con su próximo reporte.", "It will, with its next report."),
    "labels_hint": ("Una por línea: clave=valor.", "One a line: key=value."),
    "save": ("Guardar", "Save"),
    "wrong_label": (
        "{line!r} no es clave=valor, con una clave sin dos puntos.",
        "{line!r} is not key=value, with a key without a colon.",
    ),
    "not_your_role": ("Hace falta el rol {role}.", "The role {role} is needed."),
    "done_agent": ("Hecho: queda en la auditoría.", "Done: it is in the audit trail."),
    "done_labels": ("Las etiquetas están guardadas.", "The labels are saved."),
    "done_rotation": (
        "Se le pidió a su agente; cambia de token con su próximo reporte.",
        "Its agent has been asked; it changes its token with its next report.",
    ),
    "its_trail": ("Qué se hizo con él", "What was done with it"),
    "no_trail": ("Aún no se hizo nada con él", "Nothing was done with it yet"),
    "see_server": ("Ver el servidor", "See the server"),
}
