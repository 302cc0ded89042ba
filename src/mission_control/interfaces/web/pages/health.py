"""Whether the mission is in order, what it is set to, and who has a key to it. No secret stands here."""

from __future__ import annotations

from collections.abc import Sequence

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from mission_control.config import Config, process_environment
from mission_control.interfaces.mission import Mission
from mission_control.interfaces.web.pages.desk import page, shows
from mission_control.ops import doctor
from mission_control.ops.doctor.finding import Finding, Level

# What people turn most. An address of a database may hold a password, so it is not among them.
_SHOWN = (
    *("timezone", "slots", "machine_slots", "max_attempts", "timeout_seconds", "lease_seconds", "grace_seconds"),
    *("backoff_base_seconds", "backoff_cap_seconds", "poll_seconds", "max_output_bytes", "backup_at", "isolation"),
)


def routes() -> list[BaseRoute]:
    return [shows("/health", show)]


def show(mission: Mission, request: Request) -> Response:
    """What `missionctl doctor` finds, the worst first."""
    findings = doctor.examine(mission.folder.home, process_environment(), mission.clock)
    return page(
        request,
        mission,
        "health.html",
        path="/health",
        summary=_summary(findings),
        groups=[(title, of) for title, of in _groups(findings) if of],
        machines=mission.views.status().machines,
        tokens=mission.access.tokens(),
        settings=_settings(mission.config),
    )


def _groups(findings: Sequence[Finding]) -> list[tuple[str, list[Finding]]]:
    titles = {Level.FAULT: "Faults", Level.WARNING: "Warnings", Level.OK: "In order"}
    return [(title, [finding for finding in findings if finding.level is level]) for level, title in titles.items()]


def _summary(findings: Sequence[Finding]) -> str:
    faults = sum(finding.level is Level.FAULT for finding in findings)
    warnings = sum(finding.level is Level.WARNING for finding in findings)
    if faults:
        return f"{faults} thing{'s are' if faults > 1 else ' is'} wrong; each says what to do."
    return f"In order, with {warnings} warning{'s' if warnings > 1 else ''}." if warnings else "Everything is in order."


def _settings(config: Config) -> list[tuple[str, str]]:
    values = [(name, getattr(config, name)) for name in _SHOWN]
    return [(name, "none" if value is None else str(value)) for name, value in values]
