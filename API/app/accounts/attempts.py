"""Wrong passwords slow those that follow, for the account and for the network they come from.

An attempt counts as failed before its password is looked at, so that a hundred at once are not a
hundred guesses. Nobody is locked out for ever: the pause grows to a minute and no further, sessions
and tokens go on working meanwhile, and a quarter of an hour without attempts forgets them.
"""

import ipaddress
from datetime import datetime, timedelta

from sqlalchemy import Connection, delete, select, update

from API.app.accounts.credentials import now
from API.app.ingest.sql import sql_time
from API.app.serial import serially
from API.app.words import SpokenError
from createDB.postgresql.locks import Lock
from createDB.schema import intentos

FREE = 5
"""Wrong passwords that cost nothing but themselves."""

FIRST_PAUSE_S = 4
LONGEST_PAUSE_S = 60

FORGOTTEN = timedelta(minutes=15)

MAX_NAME = 64


class TooManyAttemptsError(SpokenError):
    """An attempt that came too soon after wrong ones; it was not looked at."""

    def __init__(self, wait_s: int) -> None:
        super().__init__("too_many_attempts", wait_s=wait_s)
        self.wait_s = wait_s


def begin_attempt(connection: Connection, name: str, address: str) -> None:
    """Count an attempt at `name` from `address` as failed, until `forgive` says otherwise.

    Raises:
        TooManyAttemptsError: it comes too soon.
    """
    serially(connection, Lock.LOGGING_IN)
    moment = now()
    connection.execute(delete(intentos).where(intentos.c.ultimo < moment - FORGOTTEN))
    keys = _keys(name, address)
    found = connection.execute(select(intentos).where(intentos.c.quien.in_(keys))).all()
    waits = [wait_s(row.fallos, row.ultimo, moment) for row in found]
    if max(waits, default=0) > 0:
        raise TooManyAttemptsError(max(waits))
    for key in keys:
        connection.exec_driver_sql(_COUNT, (key, sql_time(moment)))


def confirm(connection: Connection, name: str) -> None:
    """Have the pause after an attempt that failed begin now, when its answer is known."""
    key, _ = _keys(name, "")
    connection.execute(update(intentos).where(intentos.c.quien == key).values(ultimo=now()))


def forgive(connection: Connection, name: str, address: str) -> None:
    """Take back what `begin_attempt` counted: the password was right.

    What was tried from the same network at other accounts goes on counting.
    """
    account, network = _keys(name, address)
    connection.execute(delete(intentos).where(intentos.c.quien == account))
    less = update(intentos).where(intentos.c.quien == network)
    connection.execute(less.values(fallos=intentos.c.fallos - 1))


def wait_s(failures: int, last: datetime, moment: datetime) -> int:
    """Tell how many seconds after `moment` the next attempt may come; 0 where it may at once."""
    if failures < FREE:
        return 0
    pause = min(FIRST_PAUSE_S << min(failures - FREE, 10), LONGEST_PAUSE_S)
    left = (last + timedelta(seconds=pause) - moment).total_seconds()
    return min(max(0, -int(-left // 1)), LONGEST_PAUSE_S)


_COUNT = """
    INSERT INTO intentos (quien, fallos, ultimo) VALUES (?, 1, ?)
    ON CONFLICT (quien) DO UPDATE SET fallos = intentos.fallos + 1, ultimo = excluded.ultimo
"""


def _keys(name: str, address: str) -> tuple[str, str]:
    return f"cuenta:{name[:MAX_NAME]}", f"red:{_network(address)}"


def _network(address: str) -> str:
    """Give whose an address is: of IPv6, everybody has 2^64 of them."""
    if ":" not in address:
        return address
    return str(ipaddress.ip_network(f"{address.partition('%')[0]}/64", strict=False))
