"""What is wrong with a name, a password, a token, an exception; commands say it too."""

WORDS: dict[str, tuple[str, str]] = {
    "password_short": (
        "La contraseña debe tener al menos {least} caracteres.",
        "The password must have at least {least} characters.",
    ),
    "password_long": (
        "La contraseña debe tener como mucho {most} caracteres.",
        "The password must have at most {most} characters.",
    ),
    "password_guessable": (
        "La contraseña se adivina: repite los mismos caracteres o el nombre.",
        "The password is easy to guess: it repeats the same characters, or the name.",
    ),
    "account_name": (
        "{name!r} no sirve de nombre: letras minúsculas, cifras y . _ @ + -, 64 como mucho.",
        "{name!r} will not do as a name: lower case letters, digits and . _ @ + -, 64 at most.",
    ),
    "account_taken": ("Ya hay una cuenta {name!r}.", "There is an account {name!r} already."),
    "account_unknown": ("No hay una cuenta {name!r}.", "There is no account {name!r}."),
    "last_administrator": (
        "{name!r} es el único administrador.",
        "{name!r} is the only administrator.",
    ),
    "token_name": (
        "El token necesita un nombre de {most} letras como mucho.",
        "The token needs a name of {most} letters at most.",
    ),
    "token_days": ("Un token dura de 1 a {most} días.", "A token lasts from 1 to {most} days."),
    "token_count": (
        "Una cuenta puede tener {most} tokens: revoque los que no use.",
        "An account may have {most} tokens: revoke those that you do not use.",
    ),
    "token_unknown": ("No hay tal token.", "There is no such token."),
    "server_unknown": ("no hay ningún servidor {name!r}", "there is no server {name!r}"),
    "server_ambiguous": (
        "hay varios servidores {name!r}; nombre uno por su id: {identities}",
        "there are several servers {name!r}; name one by its id: {identities}",
    ),
    "waiver_past": (
        "{until} ya pasó: diga hasta cuándo vale",
        "{until} is past: say until when it is good",
    ),
    "waiver_date": ("{text!r} no es una fecha", "{text!r} is no date"),
    "waiver_reason": ("diga por qué", "say why"),
    "waiver_label": (
        "{text!r} no es CLAVE ni CLAVE:VALOR",
        "{text!r} is neither NAME nor NAME:VALUE",
    ),
    "waiver_unknown": (
        "no hay ninguna excepción {number} en vigor",
        "there is no exception {number} in force",
    ),
    "policy_unknown": (
        "no hay ninguna política {name!r} en vigor",
        "there is no policy {name!r} in force",
    ),
    "report_period": (
        "el período está vacío: va de {since} a antes de {until} (a lo más, ahora)",
        "the period is empty: it is from {since} to before {until} (now, at the latest)",
    ),
    "report_label": (
        "la etiqueta tiene más de {most} letras",
        "the label has more than {most} characters",
    ),
    "report_policy": (
        "no hay ni hubo ninguna política {name!r}",
        "there is no policy {name!r}, and never was",
    ),
    "report_date": ("{text!r} no es una fecha", "{text!r} is no date"),
    "wrong_form": ("El formulario no está completo.", "The form is not complete."),
}
