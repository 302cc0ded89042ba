"""The process of the pages and the API, as `missionctl up` starts it: `python -m mission_control.web_process`."""

from __future__ import annotations

import logging
import os
import socket
import sys

from mission_control.app import open_mission
from mission_control.interfaces.web.application import application
from mission_control.interfaces.web.missions import OpenMissions
from mission_control.interfaces.web.places import places_of
from mission_control.interfaces.web.serving import serve

LIFELINE = 0  # a pipe as standard input, whose other end `up` holds


def main(home: str, host: str, descriptor: int) -> None:
    """Serve the mission in `home`, on a machine called `host`, at the listening socket `descriptor`."""
    os.umask(0o077)
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    listening = socket.socket(fileno=descriptor)
    missions = OpenMissions(lambda: open_mission(home, host))
    with missions.one() as mission:
        config = mission.config
    places = places_of(config.web_address, listening.getsockname()[1], config.web_origins)
    serve(application(missions, places, open_metrics=config.web_open_metrics), listening, lifeline=LIFELINE)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
