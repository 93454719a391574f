"""The audit report."""

WORDS: dict[str, tuple[str, str]] = {
    "audit_report": ("Informe de cumplimiento", "Audit report"),
    "audit_report_what": (
        "Qué dijeron las políticas de los servidores en un período: tiempo en cumplimiento, "
        "incumplimientos con su evidencia, excepciones, y la huella SHA-256 de los datos. Los días "
        "son de UTC, y el último cuenta entero. Con una flota grande tarda unos segundos.",
        "What the policies said of the servers in a period: time in compliance, violations with "
        "their evidence, exceptions, and the SHA-256 of the data. Days are in UTC, and the last "
        "one counts whole. It is in Spanish. For a large fleet it takes some seconds.",
    ),
    "report_first": ("Desde el día", "From the day"),
    "report_last": ("Hasta el día", "To the day"),
    "report_server": ("Sólo este servidor (nombre o id)", "This server alone (name or id)"),
    "report_labelled": ("Sólo con la etiqueta (clave:valor)", "With this label alone (key:value)"),
    "report_one_policy": ("Sólo esta política (id)", "This policy alone (id)"),
    "report_show": ("Ver", "Show"),
    "report_download": ("Descargar {form}", "Download {form}"),
    "report_busy": (
        "Se está haciendo otro archivo: vuelva a intentarlo en unos segundos.",
        "Another file is being made: try again in a few seconds.",
    ),
}
