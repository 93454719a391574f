"""Which reports may be judged by now, where several collectors store them at once.

Reports are judged in the order of their numbers, and a number is taken before its report can be
seen: what comes after it may be there first. So a number that is missing is waited for, until all
who stored reports when it was first missed have ended; if it is not there then, it never will be.
Who stores reports holds a lock on `reportes` from before it takes a number until its end: others,
such as a copy or a long question, are not waited for.
"""

from collections.abc import Sequence

from sqlalchemy import Connection, Engine


class Gaps:
    """What is known of numbers that are missing."""

    def __init__(self) -> None:
        self._settled = 0
        """Up to here what is missing is gone for good."""
        self._awaited = 0
        """Up to here it will be, once these are gone:"""
        self._storing: frozenset[str] = frozenset()
        self._empty = 0
        """Up to here there is nothing after what was judged."""
        self._over = 0
        """Up to here whoever took a number has ended, as it was when it was last asked."""

    def more(self, reader: Engine, place: int) -> bool:
        """Tell whether there may be reports after the last one judged.

        It is asked five times a second, and to ask for the reports themselves is to look into the
        partition of each day. In a transaction before the one that does, as with `look`.
        """
        with reader.connect() as connection:
            last = connection.exec_driver_sql(_LAST).scalar_one()
            # Before the first, reports may come with numbers of their own, and lower ones.
            if place and last <= max(place, self._empty):
                return False
            self._over = 0 if _storing(connection) else last
        return True

    def nothing(self) -> None:
        """Note that no reports were found; those whose numbers are taken were rolled back."""
        self._empty = self._over

    def look(self, reader: Engine) -> None:
        """See who has ended, in a transaction before the one that reads what they stored."""
        if self._awaited > self._settled:
            with reader.connect() as connection:
                if self._storing.isdisjoint(_storing(connection)):
                    self._settled = self._awaited

    def ready(self, connection: Connection, place: int, numbers: Sequence[int]) -> int:
        """Tell how many of these reports may be judged.

        Args:
            connection: to the database.
            place: the number of the last report that was judged.
            numbers: of the reports that are there after it, in order.
        """
        for count, number in enumerate(numbers):
            if number > place + 1 and number - 1 > self._settled:
                self._wait(connection, number)
                return count
            place = number
        return len(numbers)

    def _wait(self, connection: Connection, number: int) -> None:
        """Begin to wait for all numbers that are taken by now, first of all those before `number`.

        The last of them is read before it is asked who stores: who took one has its lock by then.
        """
        if self._awaited <= self._settled:
            last = connection.exec_driver_sql(_LAST).scalar_one()
            self._storing = frozenset(_storing(connection))
            self._awaited = max(number, last)


def _storing(connection: Connection) -> Sequence[str]:
    return connection.exec_driver_sql(_STORING).scalars().all()


_LAST = "SELECT last_value FROM servers_id_serv_seq"
_STORING = """
    SELECT virtualtransaction FROM pg_catalog.pg_locks
    WHERE locktype = 'relation' AND mode = 'RowExclusiveLock' AND granted
        AND database = (SELECT oid FROM pg_catalog.pg_database WHERE datname = current_database())
        AND relation = CAST('reportes' AS regclass)
"""
