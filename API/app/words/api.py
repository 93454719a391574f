"""The page that shows what the API is."""

WORDS = {
    "page_api": ("La API", "The API"),
    "api_intro": (
        "Todo lo que muestra la consola se puede pedir también como datos, con un token personal "
        "o, en el equipo del colector, con el archivo acceso-local. Para programas:",
        "All that the console shows can be had as data too, with a personal token or, on the "
        "collector's machine, with the file acceso-local. For programs:",
    ),
    "api_parameter": ("Parámetro", "Parameter"),
    "api_meaning": ("Qué es", "What it is"),
    "api_kind": ("Tipo", "Type"),
    "api_body": ("Cuerpo", "Body"),
    "api_answer": ("Respuesta", "Answer"),
    "api_shapes": ("Lo que se envía y se recibe", "What is sent and received"),
}
