"""What changed on the fleet."""

WORDS: dict[str, tuple[str, str]] = {
    "change_field": ("Qué", "What"),
    "change_kind": ("Tipo", "Kind"),
    "change_any": ("Todo", "Anything"),
    "change_name": ("Nombre exacto", "Exact name"),
    "change_user": ("Usuario exacto", "Exact user"),
    "no_change_matches": ("Ningún cambio coincide", "No change matches"),
    "no_change_matches_why": (
        "En esta parte de la historia no hay cambios así; los más antiguos pueden tenerlos.",
        "There are no such changes in this part of the history; older ones may be.",
    ),
    "change_older": ("Más antiguos", "Older"),
    "change_newest": ("Los más recientes", "The newest"),
}
