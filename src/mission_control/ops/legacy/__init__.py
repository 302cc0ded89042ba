"""The old system's folder of JSON files: its rows come to the board once, with every field they had."""
