"""`python -m mission_control` is `missionctl`, for where only the Python is known."""

from mission_control.app import main

main()
