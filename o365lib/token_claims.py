"""What an access token says of itself, read without checking its signature.

- The token comes straight from the authority over verified TLS, and Graph is the one that verifies
  it. The claims serve to stop early with a good reason, never to grant anything.
- Microsoft reserves the right to make tokens unreadable; then there are no claims, and no error.

https://learn.microsoft.com/entra/identity-platform/access-tokens
"""

import base64
import json
from typing import Any


def read_claims(token: str) -> dict[str, Any]:
    """Return the claims of a token; empty where it cannot be read."""
    parts = token.split(".")
    try:
        padded = parts[1] + "=" * (-len(parts[1]) % 4)
        claims = json.loads(base64.urlsafe_b64decode(padded))
    except (IndexError, ValueError):
        return {}
    return claims if isinstance(claims, dict) else {}
