"""What people are told on the console's pages, in both languages; commands speak the first."""

from typing import Any

LANGUAGES = ("es", "en")

WORDS: dict[str, tuple[str, str]] = {
    "console": ("Cumplimiento de servidores", "Compliance of servers"),
    "log_in": ("Entrar", "Log in"),
    "log_out": ("Salir", "Log out"),
    "account": ("Mi cuenta", "My account"),
    "name": ("Nombre", "Name"),
    "password": ("Contraseña", "Password"),
    "role": ("Rol", "Role"),
    "change_password": ("Cambiar la contraseña", "Change the password"),
    "password_now": ("Contraseña actual", "Current password"),
    "password_new": ("Contraseña nueva", "New password"),
    "password_hint": (
        "Al menos 12 caracteres; cambiarla cierra las demás sesiones.",
        "At least 12 characters; changing it ends the other sessions.",
    ),
    "change": ("Cambiar", "Change"),
    "sessions": ("Sesiones", "Sessions"),
    "began": ("Comenzó", "Began"),
    "last_used": ("Último uso", "Last used"),
    "from": ("Desde", "From"),
    "browser": ("Navegador", "Browser"),
    "this_one": ("ésta", "this one"),
    "end": ("Cerrar", "End"),
    "tokens": ("Tokens para la API", "Tokens for the API"),
    "token_hint": (
        "Para sus programas: Authorization: Bearer TOKEN.",
        "For your programs: Authorization: Bearer TOKEN.",
    ),
    "scope": ("Alcance", "Scope"),
    "days": ("Días", "Days"),
    "made": ("Creado", "Made"),
    "until": ("Vale hasta", "Good until"),
    "never": ("nunca", "never"),
    "over": ("caducado", "over"),
    "make": ("Crear", "Make"),
    "revoke": ("Revocar", "Revoke"),
    "new_token": (
        "El token nuevo. Cópielo ahora: no se vuelve a mostrar.",
        "The new token. Copy it now: it is not shown again.",
    ),
    "password_changed": ("La contraseña ha cambiado.", "The password has changed."),
    "session_ended": ("La sesión está cerrada.", "The session has ended."),
    "token_revoked": ("El token está revocado.", "The token is revoked."),
    "wrong_credentials": ("El nombre o la contraseña no es correcto.", "Wrong name or password."),
    "wrong_password": ("La contraseña actual no es ésa.", "That is not the current password."),
    "too_many_attempts": (
        "Demasiados intentos: vuelva a probar en {wait_s} segundos.",
        "Too many attempts: try again in {wait_s} seconds.",
    ),
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


def say(key: str, language: str, **values: Any) -> str:
    """Give the words for `key` in a language."""
    return WORDS[key][LANGUAGES.index(language)].format(**values)


class SpokenError(Exception):
    """Something that a person is told, in their language; as text, in the first."""

    def __init__(self, key: str, **values: Any) -> None:
        super().__init__(say(key, LANGUAGES[0], **values))
        self.key = key
        self.values = values

    def in_language(self, language: str) -> str:
        """Give what to tell them."""
        return say(self.key, language, **self.values)
