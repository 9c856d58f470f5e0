# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright (C) The xlmig authors
"""The benchmarks by name, and their options."""

import argparse

from . import build, engine, lab, scan


def positive(text):
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("must be at least 1")
    return number


def some_of(names):
    def parse(text):
        words = text.split(",")
        for word in words:
            if word not in names:
                raise argparse.ArgumentTypeError(f"'{word}' is none of {', '.join(names)}")
        return words
    return parse


def engine_options(bench):
    bench.add_argument("--memory", type=positive, metavar="MIB", help="of the guest (4096; with --quick 512)")
    bench.add_argument("--channels", type=positive, metavar="N",
                       help="of image v1 and multifd (one a core, at least 2)")
    bench.add_argument("--contents", type=some_of(engine.CONTENTS), default=engine.CONTENTS, metavar="LIST",
                       help=f"of memory (default {','.join(engine.CONTENTS)})")
    groups = (engine.ENGINE, engine.SEND, engine.QEMU, engine.IPERF)
    bench.add_argument("--only", type=some_of(groups), default=groups, metavar="LIST",
                       help=f"those who take part (default {','.join(groups)})")


def lab_options(bench):
    bench.add_argument("--types", default="pv,pvh,hvm", help="of guests (default pv,pvh,hvm)")
    bench.add_argument("--workloads", default=",".join(lab.WORKLOADS),
                       help=f"of guests (default {','.join(lab.WORKLOADS)}; see `lab measure --help`)")
    bench.add_argument("--scripts", default="xen", choices=("xen", "lab"),
                       help="of the guests' disks and interfaces: Xen's own, or the short ones of tests/lab")
    bench.add_argument("--send-options", default="", metavar="OPTIONS",
                       help="more options of `xlmig send`, as one word")


# Name: the function, its own options, what it is.
BENCHES = {
    "scan": (scan.run, None, "zero and change scan beside memory read bandwidth: half a minute"),
    "lab": (lab.run, lab_options, "`xlmig send` beside `xl migrate`, two Xen hosts under QEMU, as root: an hour"),
    "engine": (engine.run, engine_options, "the engine between simulated hosts, beside QEMU and iperf3: half an hour"),
}


def parser():
    top = argparse.ArgumentParser(prog="bench", description="Measure xlmig and its peers side by side.")
    names = top.add_subparsers(dest="name", required=True, metavar="NAME")
    names.add_parser("list", help="the names")
    for name, (_, add_options, text) in BENCHES.items():
        bench = names.add_parser(name, help=text, description=text)
        bench.add_argument("--json", metavar="FILE", help="write every run there")
        bench.add_argument("--runs", type=positive, metavar="N", help="of each measurement; medians are shown")
        bench.add_argument("--quick", action="store_true", help="little memory, one run: to see that it works")
        bench.add_argument("--build", metavar="DIR", help="a build directory (without it: build/bench is made)")
        if add_options:
            add_options(bench)
    return top


def run(words):
    arguments = parser().parse_args(words)
    if arguments.name == "list":
        for name, (_, _, text) in BENCHES.items():
            print(f"{name:8} {text}")
        return 0
    function = BENCHES[arguments.name][0]
    # The lab builds what goes into its hosts by itself.
    return function(None if function is lab.run else build.find(arguments.build), arguments)
