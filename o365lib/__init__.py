"""Runbooks for a vendor's delegated service account in Microsoft 365 tenants.

Import from the module that owns a thing; nothing is re-exported here.
"""

__version__ = "0.1.0"
