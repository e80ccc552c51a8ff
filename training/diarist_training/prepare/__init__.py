"""Command ``prepare``: bring a corpus, as its archive unpacks, into the one manifest format."""

from .command import add_arguments, run

__all__ = ["add_arguments", "run"]
