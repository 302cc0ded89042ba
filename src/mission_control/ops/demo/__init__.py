"""The demo: tasks put on a new board, played to their ends, each compared with the end that was announced for it."""
