"""Microsoft Graph v1.0, as far as the runbooks need it: one resource a module, wire only."""
