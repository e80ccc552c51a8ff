"""Command ``download``: fetch public corpora whose licence lets a script do it."""

from .command import add_arguments, run

__all__ = ["add_arguments", "run"]
