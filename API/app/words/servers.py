"""The list of servers."""

WORDS: dict[str, tuple[str, str]] = {
    "search_servers": (
        "Nombre, dirección, sistema o etiqueta",
        "Name, address, system or label",
    ),
    "search": ("Buscar", "Search"),
    "address": ("Dirección", "Address"),
    "system": ("Sistema", "System"),
    "last_report": ("Último reporte", "Last report"),
    "facet_estado": ("Estado", "State"),
    "facet_cumplimiento": ("Cumplimiento", "Compliance"),
    "facet_so": ("Sistema", "System"),
    "facet_etiqueta": ("Etiqueta", "Label"),
    "facets": ("Filtros", "Filters"),
    "filter_off": ("Quitar filtros", "Clear filters"),
    "only_trouble": ("Sólo con problemas graves", "Only with grave problems"),
    "standing_critica": ("Incumple: crítica", "Fails: critical"),
    "standing_alta": ("Incumple: alta", "Fails: high"),
    "standing_media": ("Incumple: media", "Fails: medium"),
    "standing_baja": ("Incumple: baja", "Fails: low"),
    "standing_exceptuado": ("Sólo con excepciones", "With exceptions only"),
    "standing_cumple": ("Cumple todo", "Complies with all"),
    "standing_sin_veredicto": ("Sin veredicto", "No verdict"),
    "failing_policies": ("{n} políticas", "{n} policies"),
    "failing_policies_one": ("1 política", "1 policy"),
    "no_match": ("Ningún servidor coincide", "No server matches"),
    "no_match_why": (
        "Hay {n} servidores, y ninguno cumple todo lo que se busca.",
        "There are {n} servers, and none of them fits all that is asked for.",
    ),
    "servers_none_yet_why": (
        "Un servidor aparece aquí, sin recargar, cuando se da de alta o llega su primer reporte.",
        "A server appears here, without reloading, when it enrols or its first report comes.",
    ),
    "export_csv": ("Exportar CSV", "Export CSV"),
}
