"""Small programs of ours that speak a protocol with an agent or a model; the driver starts them as an agent's program.

Each is told of its turn by a file, gets the prompt on stdin, tells what happens on stdout, one line an event, and ends.
"""
