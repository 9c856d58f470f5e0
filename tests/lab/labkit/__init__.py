# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright (C) The xlmig authors
"""The Xen lab: two machines under QEMU, each a real Xen host, on one private Ethernet segment."""
