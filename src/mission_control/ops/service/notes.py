"""What a person should know about the service of a mission before relying on it."""

from __future__ import annotations

import os
import pwd
from collections.abc import Iterator
from dataclasses import fields

from mission_control.config import ENVIRONMENT_PREFIX, Config
from mission_control.ops.service.installing import Site
from mission_control.ops.service.supervisor import ask
from mission_control.ops.service.wanted import Service


def notes_on(site: Site, service: Service, config: Config, *, system: bool) -> list[str]:
    """One sentence or two each."""
    return [*_on_settings(site), *_on_variables(site, service, config), *_on_lingering(site, system=system)]


def _on_settings(site: Site) -> Iterator[str]:
    """Settings of this shell that the service will not have."""
    names = (f"{ENVIRONMENT_PREFIX}{field.name.upper()}" for field in fields(Config) if field.name != "home")
    found = [name for name in names if site.environment.get(name)]
    if found:
        yield f"The service will not see {', '.join(found)}, which is set here. Write it into mission.toml."


def _on_variables(site: Site, service: Service, config: Config) -> Iterator[str]:
    """Variables that agents should get, and that only a person can give."""
    if not config.pass_environment:
        return
    names = ", ".join(config.pass_environment)
    if site.supervisor.kind == "systemd":
        yield f"Agents get {names} only if the service does: write NAME=VALUE into {service.variables}, mode 0600."
    else:
        yield f"launchd gives the service no {names}. Let your agents' programs read it from their own settings."


def _on_lingering(site: Site, *, system: bool) -> Iterator[str]:
    """Without lingering, the systemd of a user ends with the last session, and all that it has started."""
    if system or site.supervisor.kind != "systemd":
        return
    user = _user_name()
    answer = ask(
        ("loginctl", "show-user", user, "--property=Linger", "--value"),
        site.environment,
        patience_seconds=site.answer_seconds,
    )
    if not (answer.is_good and answer.text == "yes"):
        yield (
            f"The service ends when {user} logs out, and with it what it executes, "
            f"unless you say once: loginctl enable-linger {user}"
        )


def _user_name() -> str:
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:  # a container may run under a number without a name
        return str(os.getuid())
