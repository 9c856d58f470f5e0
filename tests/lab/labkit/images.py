# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright (C) The xlmig authors
"""The images: what they are made from, and the cache that keeps them.

Each image is a folder named KIND-KEY in the cache, KEY a hash over the scripts that build it and the versions of the
packages in it; a changed script or a newer package gives another key and so another build. A build happens in a
temporary folder and is renamed when complete.
"""

import contextlib
import errno
import fcntl
import hashlib
import os
import shutil
import subprocess
import tempfile

from .settings import CACHE, KEPT_DEBS, LAB, XEN_PACKAGE, XEN_VERSIONS, LabError

IMAGE = LAB / "image"
KEPT_OF_A_KIND = 2
FREE_MIB_NEEDED = 4000


def say(text):
    print(f"lab: {text}", flush=True)


def listed(file):
    return [line for line in file.read_text().split("\n") if line and not line.startswith("#")]


def apt(*command, seconds=600):
    environment = dict(os.environ, DEBIAN_FRONTEND="noninteractive", LC_ALL="C")
    return subprocess.run(command, env=environment, text=True, timeout=seconds, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT)


def install_host_packages():
    """What the scripts need on the build machine; image/packages lists every one."""
    wanted = listed(IMAGE / "packages")
    query = apt("dpkg-query", "-W", "-f", "${db:Status-Status} ${Package}\n", *wanted)
    installed = {line.split()[1] for line in query.stdout.splitlines() if line.startswith("installed ")}
    missing = [package for package in wanted if package not in installed]
    if not missing:
        return
    say("installing " + " ".join(missing))
    install = ("apt-get", "-q", "-y", "--no-install-recommends", "install", *missing)
    if apt(*install).returncode:
        apt("apt-get", "-q", "update")
        result = apt(*install)
        if result.returncode:
            raise LabError(f"the packages {' '.join(missing)} cannot be installed:\n{result.stdout[-2000:]}")


def offered(packages):
    """The versions that the distribution offers now, by package."""
    found, package = {}, None
    for line in apt("apt-cache", "policy", *packages).stdout.splitlines():
        if line and not line[0].isspace():
            package = line.rstrip(":")
        elif line.strip().startswith("Candidate:") and "(none)" not in line:
            found[package] = line.split()[1]
    return found


def candidates(packages):
    """The same, after asking the mirror for its lists where one is missing: all packages must be there."""
    found = offered(packages)
    if any(package not in found for package in packages):
        apt("apt-get", "-q", "update")
        found = offered(packages)
    for package in packages:
        if package not in found:
            raise LabError(f"the distribution offers no package {package}: the lab wants Debian 12's sources")
    return found


def candidate(package):
    return candidates([package])[package]


def kernel_package(metapackage):
    candidate(metapackage)
    for line in apt("apt-cache", "depends", "--important", metapackage).stdout.splitlines():
        if "Depends: linux-image-" in line:
            package = line.split()[-1]
            return f"{package}={candidate(package)}"
    raise LabError(f"{metapackage} names no kernel package")


@contextlib.contextmanager
def cache_lock():
    CACHE.mkdir(parents=True, exist_ok=True)
    with open(CACHE / "lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def key_of(scripts, inputs):
    digest = hashlib.sha256()
    for script in scripts:
        files = sorted(path for path in script.rglob("*") if path.is_file()) if script.is_dir() else [script]
        for file in files:
            digest.update(f"{file.relative_to(LAB)}\0{os.access(file, os.X_OK)}\0".encode() + file.read_bytes())
    digest.update("\0".join(map(str, inputs)).encode())
    return digest.hexdigest()[:12]


def drop_older(kind):
    folders = sorted(CACHE.glob(kind + "-????????????"), key=lambda path: path.stat().st_mtime, reverse=True)
    for folder in folders[KEPT_OF_A_KIND:]:
        shutil.rmtree(folder, ignore_errors=True)
    for leftover in CACHE.glob(f".{kind}-*"):
        shutil.rmtree(leftover, ignore_errors=True)


def image(kind, scripts, inputs, *arguments):
    """The folder of an image, built when the cache has none of this key."""
    script = IMAGE / ("build-" + kind.split("-")[0])
    final = CACHE / f"{kind}-{key_of([script, *scripts], inputs)}"
    if final.exists():
        os.utime(final)
        return final
    if shutil.disk_usage(CACHE).free < FREE_MIB_NEEDED << 20:
        raise LabError(f"less than {FREE_MIB_NEEDED} MiB are free under {CACHE}: too little to build the lab's images")
    say(f"building {final.name}")
    work = tempfile.mkdtemp(prefix=f".{kind}-", dir=CACHE)
    log = CACHE / f"{kind}.log"
    environment = dict(os.environ, XLMIG_LAB_DEBS=str(KEPT_DEBS), LC_ALL="C")
    try:
        with open(log, "w") as output:
            result = subprocess.run([script, work, *map(str, arguments)], env=environment, timeout=1200,
                                    stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT)
        if result.returncode:
            tail = "\n".join(log.read_text(errors="replace").splitlines()[-15:])
            if os.strerror(errno.ENOSPC) in tail:
                tail += f"\nThe disk that holds {CACHE} is full."
            raise LabError(f"{script.name} failed; the end of {log}:\n{tail}")
        os.chmod(work, 0o755)
        os.rename(work, final)
    except subprocess.TimeoutExpired as error:
        raise LabError(f"{script.name} took longer than {error.timeout:.0f} s; see {log}") from error
    finally:
        shutil.rmtree(work, ignore_errors=True)
    drop_older(kind)
    return final


def lab_key():
    """The ssh key with which the lab's hosts trust each other; it opens nothing else."""
    key = CACHE / "id_ed25519"
    if not key.exists():
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "xlmig-lab", "-f", key], check=True,
                       timeout=60)
    return key


def xen(name):
    """The hypervisor called NAME, or the one in a file of that name."""
    if name not in XEN_VERSIONS:
        file = os.path.abspath(name)
        if not os.path.isfile(file):
            raise LabError(f"no hypervisor {name}: neither {' nor '.join(XEN_VERSIONS)} nor a file")
        return file
    package = f"{XEN_PACKAGE}={XEN_VERSIONS[name] or candidate(XEN_PACKAGE)}"
    return str(image("xen-" + name, [IMAGE / "fetch"], [package], package) / "xen")


def build(xen_name):
    """Everything a pair of hosts needs: (hypervisor file, dom0 folder, guest folder)."""
    with cache_lock():
        install_host_packages()
        kernel_scripts = [IMAGE / "fetch", IMAGE / "extract-vmlinux"]
        dom0_package = kernel_package("linux-image-amd64")
        guest_package = kernel_package("linux-image-cloud-amd64")
        dom0_kernel = image("kernel-dom0", kernel_scripts, [dom0_package], dom0_package)
        guest_kernel = image("kernel-guest", kernel_scripts, [guest_package], guest_package)
        guest = image("guest", [LAB / "guest", IMAGE / "initramfs"], [guest_kernel.name], guest_kernel)
        key = lab_key()
        versions = [f"{package}={version}" for package, version in candidates(listed(LAB / "dom0/packages")).items()]
        inputs = [*versions, dom0_kernel.name, guest.name, key.with_suffix(".pub").read_text()]
        dom0 = image("dom0", [LAB / "dom0", IMAGE / "initramfs"], inputs, dom0_kernel, guest, key)
        return xen(xen_name), dom0, guest
