"""Mission Control: the control plane for a squad of AI agents."""

__version__ = "0.1.0"
