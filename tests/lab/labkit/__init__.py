"""The Xen lab: two machines under QEMU, each a real Xen host, on one private Ethernet segment."""
