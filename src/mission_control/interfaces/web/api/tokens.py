"""Keys of programs."""

from __future__ import annotations

from starlette.responses import Response

from mission_control.domain import limits
from mission_control.interfaces import shapes
from mission_control.interfaces.mission import Mission
from mission_control.interfaces.web.api import models
from mission_control.interfaces.web.api.answers import Asked, Changed, noun, shape

router = noun("/tokens", "tokens")


@router.get("", responses=shape(list[models.Token]))
def list_tokens(asked: Asked) -> Response:
    """Those in use, without their secrets."""
    return asked.find(lambda mission: [shapes.access_key_json(key) for key in mission.access.tokens()])


@router.post("", status_code=201, responses=shape(models.NewToken, 201, "Made"))
def add_token(asked: Asked, new: models.NewTokenIn) -> Response:
    """Make a key and tell its secret, this once: an idempotency key is of no use here, and is not taken."""

    def work(mission: Mission) -> shapes.Json:
        life = None if new.expires is None else limits.duration(new.expires)
        key, secret = mission.access.add_token(new.name, new.scope, actor=asked.actor, life=life)
        return {**shapes.access_key_json(key), "token": secret}

    answer = asked.do(work, 201)
    answer.headers["Cache-Control"] = "no-store"
    return answer


@router.delete("/{name}", responses=shape(models.Shape))
def revoke_token(asked: Asked, name: str) -> Response:
    """End a key at once, with the sessions that were opened with it."""

    def work(mission: Mission) -> Changed:
        mission.access.revoke(name, actor=asked.actor)
        return Changed({"revoked": [name]})

    return asked.change(work)
