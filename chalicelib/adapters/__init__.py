"""Adapters: the ports' implementations outside the database."""
