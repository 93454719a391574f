"""Making reports of this host: who it is, its facts, and what was learnt before."""

import boot
import collectors
import durable
import identity
import report
from guest import Budget
from messages import say
from settings import Settings


class Gatherer:
    """Makes reports of this host. Raises OSError when the state folder can't be written."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        settings.estado.mkdir(mode=0o700, parents=True, exist_ok=True)
        with durable.locked(settings.estado):  # two first runs at once are one installation
            who, note = identity.load(settings.estado, identity.read_machine_id())
        if note:
            say(note)
        self.who = who
        self.budget = Budget(settings.cpu_porcentaje / 100)
        self.context = collectors.Context(
            url=identity.ranked(who.id_agente, settings.collectors)[0].url,
            boot=boot.BootCache(settings.estado, boot.read_boot_id()),
            usernames=collectors.Usernames(),
            budget=self.budget,
        )

    def gather(self, dropped: int, id_agente: str = "") -> report.Report:
        """Return the report of this moment; ``dropped`` is the spool's count.

        It is of ``id_agente``, where that is no longer who this installation was at the start.
        """
        found = collectors.gather(self.context)
        return report.assemble(
            found.fields,
            found.errors,
            identity=id_agente or self.who.id_agente,
            dropped=dropped,
            interval=self._settings.intervalo,
        )
