"""The driver: the program of ours that an executor starts to drive an agent's program."""
