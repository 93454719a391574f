"""The collector's settings, as the console shows them."""

from API.app.settings import SETTINGS

MEANINGS = {
    "host": "address to listen on",
    "port": "port to listen on",
    "networks_without_token": "networks whose agents may report without a token; all others need "
    "theirs",
    "proxies": "networks of the proxies in front, which say whom they serve (X-Forwarded-For)",
    "tls_self_signed": "whether it serves HTTPS with a certificate that it makes and renews",
    "tls_names": "names and addresses in that certificate besides this host's",
    "tls_cert": "certificate for HTTPS, with the intermediate ones, in PEM",
    "tls_key": "its key, in PEM, without a passphrase",
    "database": "the database",
    "storage": "the collector's folder; the JSON log is in its text/",
    "group": "group of those who may read database and log on this machine",
    "max_body": "MiB that a report may have, before and after it is unpacked",
    "processes_of_report": "processes in a report",
    "sessions_of_report": "users' sessions in a report",
    "nesting": "levels of objects and lists in each other in a report",
    "text": "characters of a text in unknown fields of a report",
    "queue": "reports that may wait to be stored; the rest get 503",
    "pending": "reports accepted into the JSON log while the database is away; the rest get 503",
    "threads": "requests that each process serves at a time",
    "processes": "processes that serve requests; one more writes",
    "min_free": "MiB free on disk below which /readyz says that it is not ready",
    "connections": "connections open at a time, in each process; the rest wait",
    "connections_of_one": "of these, the ones of one address that is no proxy's",
    "downloads": "downloads (CSV, NDJSON, XLSX) that each process sends at a time",
    "header_seconds": "seconds for the headers of a request, and between two requests",
    "body_seconds": "seconds for the whole body of a request",
    "bodies": "bodies coming in at a time, in each process; beyond that the oldest is cut off",
    "bodies_of_one": "of these, the ones of one address or one agent",
    "bodies_memory": "MiB that they take together, in each process",
    "requests_by_address": "requests a minute from one address, to each process",
    "requests_by_agent": "reports a minute of one agent, to each process",
    "enrolments": "servers that enrol in a minute, at most",
    "keep_reports": "days that reports stay in the database; 0: for ever",
    "keep_periods": "days that periods stay after their end; 0: for ever",
    "keep_log": "days that files of the JSON log stay; 0: for ever",
    "policies": "folder of your own policies, beside those that come with it",
    "alerts": "file of the channels and rules of alerts",
}
"""In English; the rows have it in Spanish."""

WORDS: dict[str, tuple[str, str]] = {
    **{f"setting_{row.field}": (row.help, MEANINGS[row.field]) for row in SETTINGS},
    "settings_hint": (
        "Se leen al arrancar: la opción va antes que el entorno, éste antes que el archivo, y éste "
        "antes que el valor por omisión. Aquí sólo se muestran.",
        "They are read at the start: an option goes before the environment, that before the file, "
        "and that before the default. Here they are only shown.",
    ),
    "setting": ("Ajuste", "Setting"),
    "setting_value": ("Valor", "Value"),
    "setting_from": ("De dónde", "From where"),
    "setting_none": ("ninguno", "none"),
    "from_opcion": ("opción", "option"),
    "from_entorno": ("entorno", "environment"),
    "from_archivo": ("archivo", "file"),
    "from_omision": ("por omisión", "default"),
    "version_here": ("Versión", "Version"),
}
