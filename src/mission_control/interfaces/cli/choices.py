"""Words of which one must be chosen. Apart from the other parameters, because a heartbeat needs none of them."""

from __future__ import annotations

import click

from mission_control.domain.routine import CatchUp, Overlap
from mission_control.domain.task import Priority, Status

STATUS = click.Choice([status.value for status in Status])
PRIORITY = click.Choice([priority.value for priority in Priority])
CATCH_UP = click.Choice([choice.value for choice in CatchUp])
OVERLAP = click.Choice([choice.value for choice in Overlap])
