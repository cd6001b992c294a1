"""Unabridged: a bridge daemon that leaves nothing out."""

__version__ = "0.1.0"
