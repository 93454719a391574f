"""What stands around every page, and what they tell when something fails."""

WORDS: dict[str, tuple[str, str]] = {
    "console": ("Cumplimiento de servidores", "Compliance of servers"),
    "skip": ("Ir al contenido", "Skip to the content"),
    "navigation": ("Secciones", "Sections"),
    "account": ("Mi cuenta", "My account"),
    "log_out": ("Salir", "Log out"),
    "in_language": ("Idioma", "Language"),
    "theme": ("Tema", "Theme"),
    "theme_auto": ("Del sistema", "System"),
    "theme_claro": ("Claro", "Light"),
    "theme_oscuro": ("Oscuro", "Dark"),
    "page_home": ("Inicio", "Home"),
    "page_alerts": ("Alertas", "Alerts"),
    "page_audit": ("Auditoría", "Audit trail"),
    "page_settings": ("Ajustes", "Settings"),
    "page_agents": ("Agentes", "Agents"),
    "page_changes": ("Cambios", "Changes"),
    "page_policies": ("Políticas", "Policies"),
    "page_who": ("Quién ejecuta", "Who runs"),
    "page_servers": ("Servidores", "Servers"),
    "not_loaded": (
        "No se pudo cargar lo último: lo que ve puede ser viejo. Se vuelve a intentar solo.",
        "The latest could not be loaded: what you see may be old. It is tried again by itself.",
    ),
    "copy": ("Copiar", "Copy"),
    "copied": ("Copiado", "Copied"),
    "previous": ("Anteriores", "Previous"),
    "next": ("Siguientes", "Next"),
    "pages": ("Páginas", "Pages"),
    "range": ("{first}–{last} de {total}", "{first}–{last} of {total}"),
    "whole_text": ("Texto completo", "Whole text"),
    "pulse_fine": ("Sin problemas graves", "No grave problems"),
    "pulse_trouble": ("con problemas graves", "with grave problems"),
    "pulse_hint": (
        "Servidores que incumplen una política crítica o alta, o que no reportan.",
        "Servers that fail a policy of critical or high severity, or do not report.",
    ),
    "error_400": ("La página no entiende lo que se le pide", "The page cannot tell what is asked"),
    "error_400_why": (
        "Un dato del formulario o de la dirección no vale.",
        "Something in the form or in the address will not do.",
    ),
    "error_403": ("Aquí no puede entrar", "You may not come in here"),
    "error_403_why": (
        "Su rol no alcanza para esto. Pídalo a un administrador.",
        "Your role is not enough for this. Ask an administrator.",
    ),
    "error_404": ("Aquí no hay nada", "There is nothing here"),
    "error_404_why": (
        "La dirección está mal escrita, o lo que mostraba ya no existe.",
        "The address is misspelt, or what it showed is gone.",
    ),
    "error_500": ("Falló el colector", "The collector failed"),
    "error_500_why": (
        "Es una falta nuestra; el registro del colector tiene el detalle. Los reportes se siguen "
        "guardando.",
        "The fault is ours; the collector's log has the details. Reports are still being stored.",
    ),
    "error_503": ("No se pudo cargar", "Could not load"),
    "error_503_why": (
        "La base de datos no se puede leer ahora. Vuelva a intentarlo en unos segundos; /readyz "
        "dice si los reportes se siguen guardando.",
        "The database cannot be read right now. Try again in a few seconds; /readyz says whether "
        "reports are still being stored.",
    ),
    "error_other": ("No se pudo", "That could not be done"),
    "error_other_why": ("El colector rechazó la petición.", "The collector refused the request."),
    "back_home": ("Volver al inicio", "Back to the start"),
}
