"""The specification of our kernels for jupyter_client, for the interpreter that runs us.

https://jupyter-client.readthedocs.io/en/stable/provisioning.html
"""

from typing import Any

# The entry point's name, and that of the installed specification (share/jupyter/kernels/o365).
PROVISIONER = "o365-forking"
NAME = "o365"


def kernel_spec(**config: Any) -> dict[str, Any]:
    """Return the specification, for `jupyter_client.kernelspec.KernelSpec(**...)`.

    Args:
        **config: for the provisioner (`folder`, `linger_seconds`, `driven`); its own defaults are
            good for any client.
    """
    from ipykernel.kernelspec import get_kernel_dict

    spec: dict[str, Any] = get_kernel_dict()
    spec["display_name"] = "O365 runbooks"
    provisioner: dict[str, Any] = {"provisioner_name": PROVISIONER}
    if config:
        provisioner["config"] = config
    spec["metadata"] = {**spec["metadata"], "kernel_provisioner": provisioner}
    return spec
