"""How the tables came to be, step by step; alembic walks them. A step that was shipped is never changed."""
