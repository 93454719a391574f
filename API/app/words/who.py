"""'Who runs this?'."""

WORDS: dict[str, tuple[str, str]] = {
    "who_title": ("¿Quién ejecuta esto?", "Who runs this?"),
    "who_search": (
        "Nombre exacto de un proceso o de un usuario",
        "Exact name of a process or user",
    ),
    "who_start": ("Busque un proceso o un usuario", "Look for a process or a user"),
    "who_start_why": (
        "Se ve en qué servidores está y estuvo, con qué usuario, y desde y hasta cuándo.",
        "You see on which servers it is and was, as whom, and since and until when.",
    ),
    "who_none": ("Nadie lo ejecuta ni lo ejecutó", "Nobody runs it or ever did"),
    "who_none_why": (
        "Ningún reporte tiene ese nombre.",
        "No report has that name.",
    ),
    "who_none_now": ("Nadie lo ejecuta ahora", "Nobody runs it now"),
    "who_none_now_why": ("Antes sí: vea todo.", "It was run before: see all."),
    "who_suggested": ("Nombres que se le parecen", "Names that are like it"),
    "who_all": ("Siempre", "Ever"),
    "who_now": ("Ahora", "Now"),
    "who_what": ("Qué", "What"),
    "who_as": ("Con qué usuario", "As whom"),
    "who_first": ("Visto desde", "First seen"),
    "who_last": ("Visto hasta", "Last seen"),
    "who_times": ("Veces", "Times"),
    "who_removed": ("se borró", "removed"),
    "who_any": ("proceso o usuario", "process or user"),
    "who_proceso": ("Proceso", "Process"),
    "who_usuario": ("Usuario", "User"),
    "who_kind": ("Como", "As"),
    "who_cut": (
        "Está en muchos sitios: van sin orden, y de 100 nombres como mucho. Acote por proceso o "
        "usuario.",
        "It is in many places: they are in no order, and of 100 names at most. Narrow by process "
        "or user.",
    ),
}
