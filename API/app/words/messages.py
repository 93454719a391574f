"""What is wrong with a name, a password, a token; commands say it too."""

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
    "wrong_form": ("El formulario no está completo.", "The form is not complete."),
}
