# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright (C) The xlmig authors
"""xlmig itself, built from the checkout and installed into a folder, for the hosts."""

import os
import shutil
import subprocess

from .settings import CACHE, CHECKOUT, LabError

SOURCE, BUILD, INSTALLED = CACHE / "xlmig/source", CACHE / "xlmig/build", CACHE / "xlmig/installed"


def copy_checkout():
    """Copy what git knows, so that the checkout itself stays clean; modification times kept, so that make works."""
    listing = subprocess.run(["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"], cwd=CHECKOUT,
                             stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, timeout=60)
    if listing.returncode:  # an unpacked release
        shutil.copytree(CHECKOUT, SOURCE, symlinks=True, dirs_exist_ok=True)
        return
    names = [name for name in os.fsdecode(listing.stdout).split("\0") if name and (CHECKOUT / name).is_file()]
    list_file = CACHE / "xlmig/files"
    text = "\n".join(sorted(names))
    if not list_file.exists() or list_file.read_text() != text:
        shutil.rmtree(SOURCE, ignore_errors=True)
        shutil.rmtree(BUILD, ignore_errors=True)
    for name in names:
        target = SOURCE / name
        newer = not target.exists() or target.stat().st_mtime != (CHECKOUT / name).stat().st_mtime
        if newer:
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(CHECKOUT / name, target)
    list_file.write_text(text)


def step(log, folder, *command):
    with open(log, "a") as output:
        result = subprocess.run(command, cwd=folder, stdin=subprocess.DEVNULL, stdout=output,
                                stderr=subprocess.STDOUT, timeout=900)
    if result.returncode:
        tail = "\n".join(log.read_text(errors="replace").splitlines()[-20:])
        raise LabError(f"`{' '.join(map(str, command))}` failed; the end of {log}:\n{tail}")


def build():
    """The folder into which the checkout, as it is now, is installed."""
    (CACHE / "xlmig").mkdir(parents=True, exist_ok=True)
    log = CACHE / "xlmig/build.log"
    log.unlink(missing_ok=True)
    copy_checkout()
    if not (BUILD / "config.status").exists():
        BUILD.mkdir(parents=True, exist_ok=True)
        step(log, SOURCE, "autoreconf", "-fi")
        step(log, BUILD, SOURCE / "configure", "--prefix=/usr", "--libexecdir=/usr/libexec", "--sysconfdir=/etc",
             "--localstatedir=/var")
    step(log, BUILD, "make", f"-j{os.cpu_count() or 1}")
    shutil.rmtree(INSTALLED, ignore_errors=True)
    step(log, BUILD, "make", "install", f"DESTDIR={INSTALLED}")
    return INSTALLED
