"""Markdown of people and agents as HTML that can do nothing: rendered without raw HTML, then cleaned once more."""

from __future__ import annotations

import re
from functools import cache

import nh3
from markdown_it import MarkdownIt
from markupsafe import Markup

MOST_CHARACTERS = 100_000  # more is shown as it is
_TAGS = {
    *("p", "br", "hr", "strong", "em", "s", "code", "pre", "blockquote", "ul", "ol", "li", "a", "span"),
    *("h3", "h4", "h5", "h6", "table", "thead", "tbody", "tr", "th", "td"),
}
_MENTION = re.compile(r"(?<![\w@/.])@([a-z][a-z0-9_-]*)")
_TASK = re.compile(r"(?<![\w/-])T-(\d{1,18})\b")
_BETWEEN_TAGS = re.compile(r"(<a .*?</a>|<pre>.*?</pre>|<code>.*?</code>|<[^>]*>)", re.DOTALL)


def markdown(text: str) -> Markup:
    """The text as safe HTML: links to the web only, no images, `@name` and `T-12` led to where they mean."""
    if len(text) > MOST_CHARACTERS:
        return Markup("<pre><code>{}</code></pre>").format(text)
    rendered = _rendered(text)
    cleaned = nh3.clean(
        rendered,
        tags=_TAGS,
        attributes={"a": {"href"}},
        url_schemes={"http", "https", "mailto"},
        link_rel="noopener noreferrer nofollow",
    )
    return Markup(_linked(cleaned))  # noqa: S704  what nh3 has cleaned, and links whose parts are letters and digits


def _rendered(text: str) -> str:
    """Headings two levels down: those of the page stand above."""
    parser = _parser()
    tokens = parser.parse(text)
    for token in tokens:
        if token.type in ("heading_open", "heading_close"):
            token.tag = f"h{min(int(token.tag[1]) + 2, 6)}"
    return str(parser.renderer.render(tokens, parser.options, {}))


@cache
def _parser() -> MarkdownIt:
    """No raw HTML; images would be fetched from elsewhere."""
    return MarkdownIt("commonmark", {"html": False, "breaks": True}).enable(["table", "strikethrough"]).disable("image")


def _linked(html: str) -> str:
    """Mentions and task ids outside of tags, links and code become links."""
    pieces = _BETWEEN_TAGS.split(html)
    return "".join(piece if piece.startswith("<") else _link(piece) for piece in pieces)


def _link(text: str) -> str:
    text = _MENTION.sub(r'<a class="mention" href="/agents/\1">@\1</a>', text)
    return _TASK.sub(r'<a class="id" href="/t/\1">T-\1</a>', text)
