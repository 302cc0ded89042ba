"""Signatures are those of Standard Webhooks; addresses show nothing secret."""

from __future__ import annotations

import doctest

import pytest

from mission_control.domain import notice
from mission_control.domain.notice import ChannelKind
from mission_control.errors import InvalidInput
from mission_control.ops.notify import addresses
from mission_control.ops.notify.webhook import signature

# apprise itself asks for a module that later Pythons do without; programs of ours import it in a process apart.
pytestmark = pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning")


def test_a_signature_is_that_of_the_published_example():
    secret, message_id = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "msg_p5jXN8AQM9LWM0D4loKWxJek"
    signed = signature(secret, message_id, 1614265330, b'{"test": 2432232314}')
    assert signed == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_the_examples_of_addresses_are_so():
    assert doctest.testmod(notice).failed == 0


@pytest.mark.parametrize(
    ("url", "kind"),
    [
        ("https://example.com/hook?token=1", ChannelKind.WEBHOOK),
        ("HTTP://127.0.0.1:9/", ChannelKind.WEBHOOK),
        ("https://hooks.slack.com/services/T12345678/B12345678/abcdefghijklmnopqrstuvwx", ChannelKind.APPRISE),
        ("json://localhost/path", ChannelKind.APPRISE),
        ("mailto://somebody:secret@example.com", ChannelKind.APPRISE),
    ],
)
def test_an_address_says_who_delivers_to_it(url, kind):
    assert addresses.kind_of(url) is kind


@pytest.mark.parametrize(
    "url",
    [
        "https:///hidden-token",
        "https://user:hidden-token@example.com",
        "https://[::1/hidden-token",
        "bogus://hidden-token",
        "hidden-token",
    ],
)
def test_what_nobody_can_deliver_to_is_refused_without_repeating_it(url, capfd):
    with pytest.raises(InvalidInput) as refusal:
        addresses.kind_of(url)
    said = capfd.readouterr()
    assert "hidden-token" not in f"{refusal.value}{said.out}{said.err}"


def test_without_apprise_only_webhooks_can_be_had_and_the_refusal_says_what_to_install(monkeypatch):
    monkeypatch.setattr(addresses, "is_installed", lambda: False)
    assert addresses.kind_of("https://hooks.slack.com/services/T1/B1/x") is ChannelKind.WEBHOOK
    with pytest.raises(InvalidInput, match=r"\[notify\]"):
        addresses.kind_of("tgram://1:hidden-token/2")
