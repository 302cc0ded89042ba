"""`python -m mission_control.execution.driving`: drive the agent of the attempt that our environment names."""

from __future__ import annotations

import sys

from mission_control.execution.driving.driver import main

sys.exit(main())
