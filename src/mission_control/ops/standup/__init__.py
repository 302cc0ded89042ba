"""The daily standup: gathered from the board, kept, filed as Markdown and noted for each agent."""
