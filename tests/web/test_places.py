"""Exact names: who is answered, and who is sent which cookie."""

from __future__ import annotations

from mission_control.interfaces.web.places import places_of


def test_on_loopback_only_its_three_names_are_known():
    places = places_of("127.0.0.1", 7777)
    assert places.hosts == {"127.0.0.1:7777", "localhost:7777", "[::1]:7777"}
    assert places.origins == {"http://127.0.0.1:7777", "http://localhost:7777", "http://[::1]:7777"}


def test_another_address_and_a_name_in_front_are_known_once_they_are_said():
    places = places_of("192.0.2.7", 80, ["https://mission.example.org"])
    assert places.hosts == {"127.0.0.1", "localhost", "[::1]", "192.0.2.7", "mission.example.org"}


def test_two_missions_on_one_machine_have_two_cookies():
    assert places_of("127.0.0.1", 7777).cookie != places_of("127.0.0.1", 7778).cookie
