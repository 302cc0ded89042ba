"""Pages from templates: everything that is put into one is escaped, unless it says that it is HTML already."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import HTMLResponse

_FOLDER = Path(__file__).parent / "templates"


@cache
def environment() -> Environment:
    """The one environment of all pages; pages add their filters to it."""
    return Environment(
        loader=FileSystemLoader(_FOLDER),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )


def render(request: Request, template: str, *, status: int = 200, **context: Any) -> HTMLResponse:
    """A page. Every template also knows `request`, `caller` (null before the log-in) and `csrf_token`.

    Forms send the token in a field `csrf_token`, scripts in the header `X-CSRF-Token`.
    """
    known = {
        "request": request,
        "caller": getattr(request.state, "caller", None),
        "csrf_token": getattr(request.state, "csrf_token", ""),
    }
    return HTMLResponse(environment().get_template(template).render({**known, **context}), status)
