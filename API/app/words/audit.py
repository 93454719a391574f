"""The audit trail."""

WORDS: dict[str, tuple[str, str]] = {
    "trail_who": ("Quién", "Who"),
    "trail_action": ("Qué hizo", "Did what"),
    "trail_object": ("A qué", "To what"),
    "trail_detail": ("Detalle", "Detail"),
    "trail_anybody": ("cualquiera", "anybody"),
    "trail_anything": ("cualquier cosa", "anything"),
    "trail_filter": ("Filtrar", "Filter"),
    "trail_none": ("Aún no hay nada en la auditoría", "There is nothing in the audit trail yet"),
    "trail_none_why": (
        "Queda aquí lo que hacen las personas, y las órdenes del equipo del colector.",
        "What people do is kept here, and the commands on the collector's machine.",
    ),
    "trail_no_match": ("Nada de la auditoría coincide", "Nothing in the trail matches"),
    "trail_no_match_why": (
        "Hay entradas, y ninguna es de lo que se busca.",
        "There are entries, and none is of what is asked for.",
    ),
    "trail_hint": (
        "Sólo crece: la base de datos no deja cambiar ni borrar nada de ella.",
        "It only grows: the database lets nothing of it be changed or removed.",
    ),
}
