"""Ways out: what is sent arrives as it should, failures say why and show no secret."""

import json
import re
import time
from collections.abc import Callable
from typing import Any

import pytest

from API.app.alerts.channels import DeliveryError, Message, Service, Webhook
from API.app.alerts.signature import read_secret
from tests.alerts.receivers import SECRET, MailServer, Posted, Receiver
from tests.alerts.test_words import HOSTILE, alert, document, group
from tests.conftest import ROOT, free_port
from tests.documentation import blocks

KEY = "5f0c7a52-6b1e-4c0d-9f3a-0d4f2f6f8a11"


def message(name: str = "web-1") -> Message:
    return Message(KEY, json.dumps(document([group()], [alert(name)])))


def webhook(receiver: Receiver) -> Webhook:
    return Webhook(receiver.url, read_secret(SECRET), None)


@pytest.fixture(scope="module")
def check() -> Callable[..., Any]:
    """What docs/alerts.md tells receivers to do."""
    [snippet] = blocks(ROOT / "docs" / "alerts.md", "python")
    names: dict[str, Any] = {}
    exec(snippet.text, names)  # noqa: S102 - a page of our own
    found: Callable[..., Any] = names["check"]
    return found


def test_a_signature_is_checked_as_the_guide_says(
    receiver: Receiver, check: Callable[..., Any]
) -> None:
    assert webhook(receiver).send(message()) == "respondió 204"
    [posted] = receiver.posted
    assert posted.headers["content-type"] == "application/json"
    assert posted.headers["webhook-id"] == f"msg_{KEY}"
    taken: set[str] = set()
    assert check(SECRET, posted.headers, posted.body, taken) == posted.json
    with pytest.raises(ValueError, match="taken before"):
        check(SECRET, posted.headers, posted.body, taken)
    assert posted.json["alertas"][0]["hostname"] == "web-1"


@pytest.mark.parametrize(
    "forge",
    [
        lambda p: p.headers.update({"webhook-timestamp": str(int(time.time()) - 301)}),
        lambda p: p.headers.update({"webhook-timestamp": str(int(time.time()) + 1)}),
        lambda p: p.headers.update({"webhook-id": "msg_another"}),
        lambda p: p.headers.update({"webhook-signature": "v1,AAAA"}),
        lambda p: setattr(p, "body", p.body.replace(b"web-1", b"web-2")),
    ],
    ids=["old", "another time", "another identity", "another signature", "another body"],
)
def test_what_is_forged_or_sent_again_is_noticed(
    receiver: Receiver, check: Callable[..., Any], forge: Callable[[Posted], None]
) -> None:
    webhook(receiver).send(message())
    [posted] = receiver.posted
    forge(posted)
    with pytest.raises(ValueError, match=r"old|signature"):
        check(SECRET, posted.headers, posted.body, set())


def test_an_old_message_is_refused_though_its_signature_is_right(
    check: Callable[..., Any],
) -> None:
    from API.app.alerts import signature

    headers = signature.headers(read_secret(SECRET), "msg_1", int(time.time()) - 400, b"{}")
    with pytest.raises(ValueError, match="old"):
        check(SECRET, headers, b"{}", set())


def test_a_webhook_that_is_away_or_refuses_says_so(receiver: Receiver) -> None:
    receiver.answers = [302]
    receiver.headers = {"Location": "http://127.0.0.1:1/"}
    with pytest.raises(DeliveryError, match=r"^respondió 302$"):
        webhook(receiver).send(message())
    away = Receiver(free_port())
    with pytest.raises(DeliveryError) as error:
        webhook(away).send(message())
    assert error.value.reason == f"http://127.0.0.1:{away.port}: Connection refused"


def test_mail_arrives_and_no_name_makes_a_header() -> None:
    with MailServer().up() as server:
        Service(server.url).send(message())
        Service(server.url).send(message(HOSTILE))
    plain, hostile = server.mails
    assert plain["Subject"] == "CRÍTICA: web-1 no cumple: No hay mineros"
    assert "pid 7, name xmrig" in plain.get_body(("plain",)).get_content()  # type: ignore[union-attr]
    assert (hostile["Bcc"], hostile["To"]) == (None, plain["To"])
    assert "Bcc: todos＠example.net ‹!channel›" in hostile["Subject"]  # noqa: RUF001
    for part in hostile.walk():
        if part.get_content_type() == "text/html":
            assert not re.search(r"<a |<!channel|mal\.example\)", part.get_content())


def test_a_mail_server_that_is_away_says_so_and_shows_no_password() -> None:
    url = f"mailto://yo:contrasena@127.0.0.1:{free_port()}?from=a@example.net&to=b@example.net"
    with pytest.raises(DeliveryError) as error:
        Service(url).send(message())
    assert error.value.reason
    assert "contrasena" not in error.value.reason


CHATS = {
    "slack": ("slack://T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ/#general", "webhook_url", "ok"),
    "telegram": ("tgram://123456789:abcdefg_hijklmnop/12315544/", "notify_url", '{"ok": true}'),
    "discord": (f"discord://{'4' * 18}/{'a' * 64}", "notify_url", ""),
}


@pytest.mark.parametrize("chat", CHATS)
def test_what_chats_are_sent_mentions_nobody_and_links_nowhere(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch, chat: str
) -> None:
    """As apprise says it to each of them, with this machine in their place."""
    url, where, receiver.text = CHATS[chat]
    receiver.answers = [200]
    service = Service(url)
    monkeypatch.setattr(service._apprise[0], where, f"http://127.0.0.1:{receiver.port}/")
    service.send(message(HOSTILE))
    [posted] = receiver.posted
    said = posted.body.decode()
    assert "no cumple" in said
    for dangerous in ("<!", "](", "@everyone", "http://mal", "`"):
        assert dangerous not in said
