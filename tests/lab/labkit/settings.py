# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright (C) The xlmig authors
"""Where things are, and what is fixed about the lab."""

import hashlib
import os
from pathlib import Path

LAB = Path(__file__).resolve().parent.parent
CHECKOUT = LAB.parent.parent

CACHE = Path(os.environ.get("XLMIG_LAB_CACHE") or Path.home() / ".cache/xlmig-lab").absolute()
RUN = Path(os.environ.get("XLMIG_LAB_RUN") or CACHE / "run").absolute()
FAILURES = CACHE / "failures"
KEPT_DEBS = Path(os.environ.get("XLMIG_LAB_DEBS") or CHECKOUT.parent / "shared/lab-debs").absolute()

NAMESPACE = "xlmig-lab-" + hashlib.sha256(str(RUN).encode()).hexdigest()[:8]

# The hypervisors, by the name that `up --xen` takes. Debian's security update is built without shadow paging, which
# live migration of a PV guest needs; the release's own build has it.
XEN_PACKAGE = "xen-hypervisor-4.17-amd64"
XEN_VERSIONS = {"shadow": "4.17.5+72-g01140da4e8-1", "current": None}

# What one host's Xen is told besides (labkit/host.py has what all are told). In the pair with the newest hypervisor host b
# lacks a feature that host a has, as an older machine in a pool would.
MISSING_FEATURE = "adx"
HOST_XEN_OPTIONS = {("current", "b"): f"cpuid=no-{MISSING_FEATURE}"}

OUTSIDE_ADDRESS = "10.9.0.254"
HOST_ADDRESSES = {"a": "10.9.0.1", "b": "10.9.0.2"}
GUEST_PORT = 7000

MEMORY_MIB = 3072
READY_SECONDS = 150


class LabError(Exception):
    """Something went wrong in a way that the message explains."""
