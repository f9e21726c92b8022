"""The vendor's service account: what is there, what should change, how it is done and seen."""
