"""The platform on one machine: the embedded engine, the front door, the pump, demo data.

Nothing of this package is deployed, and nothing outside it imports it.
"""
