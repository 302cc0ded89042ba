"""The only folder that speaks SQL: one Store over two dialects."""
