"""What lived on a server, as bars; what differs between two moments. Without a database."""

from typing import Any

from API.app.differences import differing_facts, differing_items
from API.app.lives import LEAST_UNITS, UNITS, Window, lanes
from API.app.queries.servidor import Life

WINDOW = Window(1_000_000, 2_000_000)


def life(nombre: str, desde: int, hasta: int | None, pid: int | None = 1) -> Life:
    return Life("procesos", nombre, "root", pid, desde, hasta, None, 1)


def test_it_works() -> None:
    [there, gone] = lanes(
        [
            life("cron", 1_000_000, 1_250_000, 9),
            life("sshd", 0, None),
            life("cron", 1_500_000, 1_750_000),
        ],
        WINDOW,
    )
    assert (there.nombre, there.number, there.last) == ("sshd", 1, None)
    assert [(bar.x, bar.width) for bar in there.bars] == [(0, UNITS)]
    assert (gone.nombre, gone.number, gone.last) == ("cron", 0, 1_750_000)
    assert [bar.x for bar in gone.bars] == [0, 500]
    assert [each.pid for each in gone.gone] == [1, 9]


def test_what_ended_after_the_moment_is_there() -> None:
    [lane] = lanes([life("sshd", 0, 2_000_001)], WINDOW)
    assert lane.number == 1


def test_short_lives_are_seen_and_stay_within() -> None:
    [lane] = lanes([life("true", 1_999_999, 2_000_000)], WINDOW)
    [bar] = lane.bars
    assert (bar.x, bar.width) == (UNITS - LEAST_UNITS, LEAST_UNITS)


def test_thousands_of_lives_make_no_more_bars_than_there_is_room() -> None:
    many = [life("cron", at, at + 10) for at in range(1_000_000, 2_000_000, 100)]
    [lane] = lanes(many, WINDOW)
    assert len(lane.bars) == 1
    assert len(lane.gone) == len(many)


def state(*processes: tuple[str, int], **facts: str) -> dict[str, Any]:
    shown = [{"pid": pid, "name": name, "username": "root"} for name, pid in processes]
    return {"procesos": shown, "usuarios_activos": [], "sistema": facts}


def test_differences_are_by_label() -> None:
    before = state(("a", 1), ("b", 2), ("c", 3), ("d", 4), ("e", 5))
    after = state(("b", 2), ("c", 30), ("d", 4), ("d", 40), ("f", 6), ("e", 5))
    kinds = {each.nombre: each.kind for each in differing_items(before, after)}
    assert kinds == {"a": "termina", "c": "otro", "d": "cambia", "f": "inicia"}


def test_facts_that_turned() -> None:
    before, after = state(nucleo="6.1", hostname="a"), state(nucleo="6.2", hostname="a", x="y")
    assert differing_facts(before, after) == [("nucleo", "6.1", "6.2"), ("x", None, "y")]
