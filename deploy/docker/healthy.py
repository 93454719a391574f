"""Tells whether the collector of this container can store: `healthy.py PORT`; ends with 0 or 1."""

import http.client
import ssl
import sys

HOST, PATIENCE_S = "127.0.0.1", 5


def answers(connection: http.client.HTTPConnection) -> bool:
    """Ask over a connection; whatever goes wrong means no."""
    try:
        connection.request("GET", "/readyz")
        return connection.getresponse().status == http.client.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def main(port: int) -> bool:
    """Ask over TLS, and where that is not what it serves, without."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False  # it is our own, whatever its names, and is told no secret
    context.verify_mode = ssl.CERT_NONE
    secure = http.client.HTTPSConnection(HOST, port, timeout=PATIENCE_S, context=context)
    return answers(secure) or answers(http.client.HTTPConnection(HOST, port, timeout=PATIENCE_S))


if __name__ == "__main__":
    sys.exit(not main(int(sys.argv[1])))
