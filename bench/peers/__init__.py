"""Other queues that run a program per task, each with as many slots, in an environment of the benchmark's own."""
