"""What keeps an attempt within its bounds: limits, their watch, groups of the kernel, isolation."""
