"""The rules: pure, without input or output, never asking the time."""
