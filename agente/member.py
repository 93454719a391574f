"""Sending reports as who we are: enrolling first where that is needed, and anew after a cloning.

What makes a credential be registered (docs/api.md, ``POST /agentes``): there is none and the
operator gave the enrolment secret; the operator wants another one (``renovar_token``); or this disk
is a copy, which the machine-id tells, or the collector with 409. The secret registers the first
credential, the one in force any other.
"""

import hashlib
import json
from contextlib import suppress

from credentials import Credentials, CredentialsError
from identity import ranked
from messages import say, why
from report import owner, random_uuid, readdress
from settings import Settings
from transport import PROBLEM, Outcome, Transport, Verdict, json_object

UNAUTHORIZED, FORBIDDEN, CONFLICT = 401, 403, 409


def status_of(outcome: Outcome) -> int:
    """Return the status of a refusal of our collector; 0 of anything else."""
    answer = outcome.answer
    return answer.status if answer and answer.media_type == PROBLEM else 0


class Member:
    """The way to a collector as this installation. Used by one thread."""

    def __init__(self, secret: str, credentials: Credentials, transport: Transport) -> None:
        self._secret = secret
        self._credentials, self._transport = credentials, transport
        self.url, self.base = transport.url, transport.base

    def close(self) -> None:
        """Close the connection."""
        self._transport.close()

    def send(self, body: bytes) -> Outcome:
        """Send a gzipped report; enrol before it where that is needed, and after a refusal."""
        try:
            outcome = self._deliver(body)
            if self._mend(outcome, body):
                anew = status_of(outcome) == CONFLICT
                outcome = self._deliver(
                    readdress(body, self._credentials.id_agente) if anew else body
                )
            self._plan_renewal(outcome)
        except (OSError, CredentialsError) as error:
            return Outcome(Verdict.NOT_NOW, f"no puedo usar la credencial: {why(error)}")
        return outcome

    def enrol(self) -> Outcome | None:
        """Register with the secret, whether or not it seems needed; None when it is done."""
        held = self._credentials.held
        if self._credentials.pending is None:
            keeps = held is not None and not self._credentials.is_cloned()
            self._credentials.plan(token=held.token if held and keeps else "")
        return self._register(self._secret)

    def _deliver(self, body: bytes) -> Outcome:
        """Send a report under the identity that it has; under ours where we can't speak for that.

        What another machine gathered before its disk was copied goes with the token that was its.
        """
        held = self._credentials.held
        whose = owner(body) if held else ""
        if self._credentials.pending or held is None or whose != held.id_agente:
            trouble = self._settle()
            if trouble and not self._is_renewal():
                return trouble
            held = self._credentials.held
        if held and whose != held.id_agente:
            body = readdress(body, held.id_agente)
        self._transport.token = held.token if held else ""
        return self._transport.send(body)

    def _settle(self) -> Outcome | None:
        """Register what there is to register; None when there is nothing, or it is done."""
        held = self._credentials.held
        authority = held.token if held else self._secret
        if not authority:
            return None  # the network may need no token
        if self._credentials.pending is None:
            if held and not self._credentials.is_cloned():
                return None
            self._credentials.plan()
        return self._register(authority, may_change=held is None)

    def _is_renewal(self) -> bool:
        """Tell whether what is pending is another token for the same identity."""
        held, pending = self._credentials.held, self._credentials.pending
        return held is not None and pending is not None and held.id_agente == pending.id_agente

    def _register(self, authority: str, may_change: bool = True) -> Outcome | None:
        """Register what is pending; None when it is done, or nobody wants it any more.

        An identity that has another token is another machine's, if ``may_change``: a new one is
        made. Otherwise it is ours, and somebody took it away from us.
        """
        outcome = self._ask(authority)
        if status_of(outcome) == CONFLICT and may_change:
            say("el colector conoce esta identidad con otro token: tomo otra identidad")
            self._credentials.plan(random_uuid())
            outcome = self._ask(authority)
        elif status_of(outcome) == CONFLICT and self._is_renewal():
            self._credentials.drop()
            return None
        if outcome.verdict is not Verdict.DELIVERED:
            return outcome._replace(answer=None)  # it is none to a report
        self._credentials.registered()
        say(f"el colector conoce a este agente como {self._credentials.id_agente}")
        return None

    def _ask(self, authority: str) -> Outcome:
        """Ask the collector once to register what is pending."""
        pending = self._credentials.pending or self._credentials.plan()
        asked = {
            "id_agente": pending.id_agente,
            "token_sha256": hashlib.sha256(pending.token.encode()).hexdigest(),
        }
        self._transport.token = authority
        outcome = self._transport.post_json("/agentes", json.dumps(asked).encode())
        answer = outcome.answer
        known = json_object(answer) if answer and answer.status in {200, 201} else None
        if known and known.get("id_agente") == pending.id_agente:
            return outcome._replace(verdict=Verdict.DELIVERED)
        return outcome._replace(verdict=Verdict.NOT_NOW, reason=f"alta: {outcome.reason}")

    def _mend(self, outcome: Outcome, body: bytes) -> bool:
        """Do what a refusal of a report asks for; tell whether to send it once more."""
        status = status_of(outcome)
        if status == CONFLICT:
            self._become_another(owner(body))
            return True
        if status not in {UNAUTHORIZED, FORBIDDEN}:
            return False
        if self._credentials.reload():
            return True
        held = self._credentials.held
        if status == FORBIDDEN or held is None or not self._secret:
            return False
        self._credentials.plan(token=held.token)  # its database may be a new one
        return self._register(self._secret, may_change=False) is None

    def _become_another(self, whose: str) -> None:
        """Take a new identity: another machine has this one, and booted later."""
        if whose != self._credentials.id_agente:
            return  # an earlier one's; what it says is sent under ours
        say("otra máquina reporta con esta identidad: tomo otra")
        if self._credentials.held is None:
            self._credentials.become(random_uuid())
        else:
            self._credentials.plan(random_uuid())

    def _plan_renewal(self, outcome: Outcome) -> None:
        """Make a new token where the answer to a report asks for one; the next report brings it."""
        answer = outcome.answer
        if outcome.verdict is not Verdict.DELIVERED or answer is None:
            return
        wanted = (json_object(answer) or {}).get("renovar_token") is True
        if wanted and self._credentials.held and self._credentials.pending is None:
            with suppress(OSError):  # the report is delivered all the same; the next one asks again
                self._credentials.plan()


def members(secret: str, credentials: Credentials, settings: Settings) -> list[Member]:
    """Return the ways to the settings' collectors, this installation's own one first."""
    collectors = ranked(credentials.id_agente, settings.collectors)
    return [Member(secret, credentials, Transport(settings, each)) for each in collectors]
