"""Payment gateways: one module a vendor, behind ``chalicelib.ports.gateways``."""
