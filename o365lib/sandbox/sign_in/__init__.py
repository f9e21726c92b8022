"""The sign-in authority: what `login.microsoftonline.com` does, as far as it is documented."""
