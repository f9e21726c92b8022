"""Client files and defaults, as models that are right or do not exist.

    parameters/
      defaults.yaml          what holds for all clients
      clients/<client>.yaml  one file a client

- `load`, `load_client` and `load_defaults` read them; what is wrong comes as one `ParametersError`
  with every problem of every file, each with its line and column.
- No model holds a secret; a `SecretSource` says where one is.
- Relative paths in client files start at the folder that holds `parameters/`, and are absolute
  in the models.
"""

from o365lib.parameters.approval import ApprovalRules
from o365lib.parameters.archiving import ArchiveRules
from o365lib.parameters.client import (
    BrowserSignIn,
    CertificateSignIn,
    Client,
    ClientSecretSignIn,
    DeviceCodeSignIn,
    FederationOverride,
    FileHandOver,
    HandOver,
    KeyringEntry,
    MailHandOver,
    RecordsOverride,
    ScreenHandOver,
    SecretSource,
    SignIn,
    digest,
)
from o365lib.parameters.defaults import Account, Custody, Defaults, Patience, Purpose, Vendor
from o365lib.parameters.loading import (
    Found,
    Parameters,
    check_new_client,
    load,
    load_client,
    load_defaults,
    load_what_is_right,
)
from o365lib.parameters.time_stamping import TimeStampRules

__all__ = [
    "Account",
    "ApprovalRules",
    "ArchiveRules",
    "BrowserSignIn",
    "CertificateSignIn",
    "Client",
    "ClientSecretSignIn",
    "Custody",
    "Defaults",
    "DeviceCodeSignIn",
    "FederationOverride",
    "FileHandOver",
    "Found",
    "HandOver",
    "KeyringEntry",
    "MailHandOver",
    "Parameters",
    "Patience",
    "Purpose",
    "RecordsOverride",
    "ScreenHandOver",
    "SecretSource",
    "SignIn",
    "TimeStampRules",
    "Vendor",
    "check_new_client",
    "digest",
    "load",
    "load_client",
    "load_defaults",
    "load_what_is_right",
]
