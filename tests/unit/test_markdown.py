"""Markdown of people and agents becomes HTML that can do nothing."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mission_control.interfaces.web.pages.markdown import MOST_CHARACTERS, markdown
from support.html import Inventory

SAFE_TAGS = frozenset(
    {"p", "br", "hr", "strong", "em", "s", "code", "pre", "blockquote", "ul", "ol", "li", "a"}
    | {"h3", "h4", "h5", "h6", "table", "thead", "tbody", "tr", "th", "td"}
)
SAFE_ATTRIBUTES = frozenset({("a", "href"), ("a", "rel"), ("a", "class"), ("a", "title")})
ATTACKS = [
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "[click](javascript:alert(1))",
    "[click](JaVaScRiPt:alert(1))",
    "[click](data:text/html;base64,PHNjcmlwdD4=)",
    "![picture](https://example.org/track.png)",
    "<a href='https://example.org' onclick='alert(1)'>x</a>",
    '[x](https://example.org "onmouseover=alert(1)")',
    "<svg><use href='data:image/svg+xml,<svg/>'/></svg>",
    "`<b>` and\n\n    <script>in code</script>",
    "@<script>alert(1)</script>",
    "T-1<script>",
    "[@ada](https://example.org/@ada)",
]
WORDS = st.sampled_from(
    [*ATTACKS, "@ada", "T-12", "`", "```", "\n", "\n\n", "|", "**", "[", "](", ")", "<", ">", '"', "x"]
)


def check_harmless(text: str) -> None:
    found = Inventory(str(markdown(text)))
    assert found.tags <= SAFE_TAGS
    assert found.attributes <= SAFE_ATTRIBUTES
    assert all(link.startswith(("https://", "http://", "mailto:", "/agents/", "/t/")) for link in found.links)


@pytest.mark.parametrize("text", ATTACKS)
def test_an_attack_is_only_text(text: str) -> None:
    check_harmless(text)


@given(st.lists(WORDS, max_size=12).map("".join) | st.text(max_size=200))
def test_no_text_becomes_more_than_plain_html(text: str) -> None:
    check_harmless(text)


def test_mentions_and_tasks_lead_to_their_pages_but_not_inside_code_links_or_mail() -> None:
    assert '<a class="mention" href="/agents/ada">@ada</a>' in markdown("ask @ada")
    assert '<a class="id" href="/t/12">T-12</a>' in markdown("see T-12.")
    for text in ("`@ada T-12`", "[@ada](https://example.org)", "ada@ada.example", "XT-12"):
        assert "/agents/ada" not in markdown(text)
        assert "/t/12" not in markdown(text)


def test_a_very_long_text_is_shown_as_it_is() -> None:
    assert "&lt;b&gt;" in markdown("<b>" + "x" * MOST_CHARACTERS)
