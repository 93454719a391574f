"""Coming in."""

WORDS: dict[str, tuple[str, str]] = {
    "log_in": ("Entrar", "Log in"),
    "password": ("Contraseña", "Password"),
    "wrong_credentials": ("El nombre o la contraseña no es correcto.", "Wrong name or password."),
    "too_many_attempts": (
        "Demasiados intentos: vuelva a probar en {wait_s} segundos.",
        "Too many attempts: try again in {wait_s} seconds.",
    ),
}
