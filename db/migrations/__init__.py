"""Alembic's migrations of the catalogue: one file per revision, each with a tested way back."""
