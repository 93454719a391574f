"""Every resource there is. Another one is a declaration in a module here, and its name below."""

from API.app.queries.catalogue.compliance import CUMPLIMIENTO, EXCEPCIONES, POLITICAS
from API.app.queries.catalogue.fleet import AGENTES, PROCESOS, SERVERS, USUARIOS_ACTIVOS
from API.app.queries.catalogue.past import ALERTAS, AUDITORIA, CAMBIOS

RESOURCES = {
    resource.name: resource
    for resource in (
        SERVERS,
        PROCESOS,
        USUARIOS_ACTIVOS,
        AGENTES,
        CAMBIOS,
        POLITICAS,
        CUMPLIMIENTO,
        EXCEPCIONES,
        ALERTAS,
        AUDITORIA,
    )
}
