/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
#include "xlmig/base/whole-file.h"
#include "xlmig/send/send.h"
#include "xlmig/cli/verb.h"
#include "xlmig/verbs/session.h"
#include "xlmig/verbs/shared-options.h"
#include "xlmig/base/text.h"

#include <string.h>

struct send_options {
    const char *on_timeout, *throttle, *report;
    bool overwrite_report;
    const char *transport, *data_address, *data_port, *ssh_command, *image, *channels, *compress;
    unsigned threads;
    bool stock, no_live, paused, ignore_cpu, ignore_devices, to_older_xen, late_devices, verbose, quiet, json;
    unsigned max_rounds;
    uint64_t max_bandwidth, timeout_us;
    uint64_t max_downtime_us, stall_timeout_us, rejoin_timeout_us, connect_timeout_us, preflight_timeout_us, ready_timeout_us, go_timeout_us;
};

static const struct send_options defaults = {
    .transport = "ssh",
    .ssh_command = "ssh",
    .image = "auto",
    .channels = "auto",
    .connect_timeout_us = 60000000,
    .preflight_timeout_us = 60000000,
    .stall_timeout_us = 60000000,
    .rejoin_timeout_us = 45000000,
    .ready_timeout_us = 120000000,
    .go_timeout_us = 60000000,
};

static bool is_one_of(const char *text, const char *const *names)
{
    while (*names && strcmp(text, *names) != 0)
        names++;
    return *names != NULL;
}

static bool fits_codec(const char *text)
{
    static const char *const codecs[] = { "auto", "none", "lz4", "zstd", NULL };

    return is_one_of(text, codecs);
}

static bool fits_throttle(const char *text)
{
    static const char *const throttles[] = { "off", "auto", NULL };

    return is_one_of(text, throttles);
}

static bool fits_ending(const char *text)
{
    static const char *const endings[] = { "cancel", "force", NULL };

    return is_one_of(text, endings);
}

/* What is no size at all is told by its kind. */
static bool fits_bandwidth(const char *text)
{
    uint64_t bytes;

    return parse_bytes(text, &bytes) < 0 || bytes == 0 || bytes >= SEND_MIN_BANDWIDTH;
}

static const struct verb_option options[] = {
    { .name = "no-live", .kind = OPTION_FLAG, .help = "stop the VM first, then copy",
      OPTION_INTO(struct send_options, no_live) },
    { .name = "max-downtime", .kind = OPTION_DURATION, .argument = "TIME",
      .help = "stop the VM as soon as it is predicted to stand still for TIME at most (300ms; 0 is that, too)",
      .in_file = true, OPTION_INTO(struct send_options, max_downtime_us) },
    { .name = "max-rounds", .kind = OPTION_NUMBER, .argument = "N", .help = "copy at most N rounds before stopping the VM (0: 30, or any number with --timeout)",
      .in_file = true, OPTION_INTO(struct send_options, max_rounds) },
    { .name = "max-bandwidth", .fits = fits_bandwidth, .wants = "at least 64K (0: no limit)", .kind = OPTION_BYTES, .argument = "BYTES",
      .help = "send at most BYTES a second while the VM runs: 512K, 100M, 1.25G (0: no limit)",
      .in_file = true, OPTION_INTO(struct send_options, max_bandwidth) },
    { .name = "timeout", .kind = OPTION_DURATION, .argument = "TIME",
      .help = "copy for TIME at most while the VM runs (0: no limit)", .in_file = true, OPTION_INTO(struct send_options, timeout_us) },
    { .name = "on-timeout", .fits = fits_ending, .wants = "cancel or force", .kind = OPTION_STRING, .argument = "WHAT",
      .values = "cancel force",
      .help = "then cancel, or force: stop the VM however long that takes (cancel)",
      .in_file = true, OPTION_INTO(struct send_options, on_timeout) },
    { .name = "throttle", .fits = fits_throttle, .wants = "off or auto", .kind = OPTION_STRING, .argument = "HOW",
      .values = "off auto",
      .help = "auto: slow down a VM that writes faster than can be sent; or off (off)",
      .in_file = true, OPTION_INTO(struct send_options, throttle) },
    { .name = "paused", .short_name = 'p', .kind = OPTION_FLAG, .help = "leave the VM paused over there",
      OPTION_INTO(struct send_options, paused) },
    { .name = "transport", .fits = fits_transport, .wants = TRANSPORT_WANTS, .kind = OPTION_STRING, .argument = "HOW",
      .values = "ssh tls tcp exec: fd:",
      .help = "ssh; tls or tcp (not encrypted) beside it for the data; exec:COMMAND, fd:IN,OUT,... (ssh)",
      .in_file = true, OPTION_INTO(struct send_options, transport) },
    { .name = "data-address", .kind = OPTION_STRING, .argument = "ADDRESS",
      .help = "address of HOST to which tls and tcp connect (that to which ssh came)",
      OPTION_INTO(struct send_options, data_address) },
    { .name = "data-port", .fits = fits_ports, .wants = PORTS_WANTS, .kind = OPTION_STRING, .argument = "PORTS",
      .help = "port of HOST, or range, at which tls and tcp come in (any)", OPTION_INTO(struct send_options, data_port) },
    { .name = "ssh-command", .short_name = 's', .kind = OPTION_STRING, .argument = "WORDS",
      .help = "ssh and its options, separated by blanks (ssh)", .in_file = true, OPTION_INTO(struct send_options, ssh_command) },
    { .name = "image", .fits = fits_image, .wants = IMAGE_WANTS, .kind = OPTION_STRING, .argument = "FORMAT",
      .values = "auto libxc v1",
      .help = "format of memory on the way: libxc, v1 (xlmig's own), or auto: v1 where both sides know it (auto)",
      .in_file = true, OPTION_INTO(struct send_options, image) },
    { .name = "channels", .fits = fits_channels, .wants = CHANNELS_WANTS, .kind = OPTION_STRING, .argument = "N",
      .values = "auto",
      .help = "connections that share the work, or auto: as the CPUs of both sides allow (auto)",
      .in_file = true, OPTION_INTO(struct send_options, channels) },
    { .name = "threads", .kind = OPTION_NUMBER, .argument = "N", .help = "threads that encode memory (0: as many as CPUs)",
      .in_file = true, OPTION_INTO(struct send_options, threads) },
    { .name = "compress", .fits = fits_codec, .wants = "auto, none, lz4 or zstd", .kind = OPTION_STRING, .argument = "CODEC",
      .values = "auto none lz4 zstd",
      .help = "none, lz4, zstd, or auto: where it pays (auto); libxc's image is never compressed",
      .in_file = true, OPTION_INTO(struct send_options, compress) },
    { .name = "stock", .kind = OPTION_FLAG, .help = "ask for xl's receiver, although xlmig may be there",
      OPTION_INTO(struct send_options, stock) },
    { .name = "late-devices", .kind = OPTION_FLAG,
      .help = "set up disks and network over there only when all memory has arrived",
      .in_file = true, OPTION_INTO(struct send_options, late_devices) },
    { .name = "ignore-cpu", .kind = OPTION_FLAG, .help = "do not compare what the CPUs can do",
      OPTION_INTO(struct send_options, ignore_cpu) },
    { .name = "ignore-devices", .kind = OPTION_FLAG, .help = "go although a disk or a network is not there",
      OPTION_INTO(struct send_options, ignore_devices) },
    { .name = "to-older-xen", .kind = OPTION_FLAG, .help = "try it although Xen over there is older (PVH and HVM guests)",
      OPTION_INTO(struct send_options, to_older_xen) },
    { .name = "connect-timeout", .kind = OPTION_DURATION, .not_zero = true, .argument = "TIME",
      .help = "wait so long for the receiver's first words (1m)",
      .in_file = true, OPTION_INTO(struct send_options, connect_timeout_us) },
    { .name = "preflight-timeout", .kind = OPTION_DURATION, .not_zero = true, .argument = "TIME",
      .help = "wait so long for its word on whether it can take the VM (1m)",
      .in_file = true, OPTION_INTO(struct send_options, preflight_timeout_us) },
    { .name = "stall-timeout", .kind = OPTION_DURATION, .not_zero = true, .argument = "TIME",
      .help = "give up when the connection takes no byte for so long (1m)",
      .in_file = true, OPTION_INTO(struct send_options, stall_timeout_us) },
    { .name = "rejoin-timeout", .kind = OPTION_DURATION, .argument = "TIME",
      .help = "tls and tcp: replace a connection that is lost within so long; 0s: not at all (45s)",
      .in_file = true, OPTION_INTO(struct send_options, rejoin_timeout_us) },
    { .name = "ready-timeout", .kind = OPTION_DURATION, .not_zero = true, .argument = "TIME",
      .help = "wait so long, after the last byte, until all has arrived (2m)",
      .in_file = true, OPTION_INTO(struct send_options, ready_timeout_us) },
    { .name = "go-timeout", .kind = OPTION_DURATION, .not_zero = true, .argument = "TIME",
      .help = "wait so long for its report that the VM runs (1m)", .in_file = true, OPTION_INTO(struct send_options, go_timeout_us) },
    { .name = "quiet", .short_name = 'q', .kind = OPTION_FLAG, .help = "say nothing unless it fails",
      OPTION_INTO(struct send_options, quiet) },
    { .name = "json", .kind = OPTION_FLAG, .help = "events and report on standard output, a JSON object a line",
      OPTION_INTO(struct send_options, json) },
    { .name = "report", .kind = OPTION_STRING, .argument = "FILE",
      .help = "write the report to FILE, for xlmig report to draw", OPTION_INTO(struct send_options, report) },
    { .name = "overwrite-report", .kind = OPTION_FLAG, .help = "replace the file of --report if it exists",
      OPTION_INTO(struct send_options, overwrite_report) },
    { .name = "verbose", .short_name = 'v', .kind = OPTION_FLAG, .help = "tell how data travels, and what the other host says",
      OPTION_INTO(struct send_options, verbose) },
    OPTIONS_END,
};

/* What the options say of the image and its channels. */
static bool image_makes_sense(const struct send_options *o, struct send_request *request)
{
    if (!shared_read_image("send", o->image, o->channels, request))
        return false;
    request->threads = o->threads;
    request->compress = o->compress;
    return true;
}

/* How long, how fast, and what if it does not fit. */
static bool limits_make_sense(const struct send_options *o, struct send_request *request)
{
    if (o->on_timeout && !o->timeout_us) {
        fprintf(stderr, "xlmig send: --on-timeout=%s goes with --timeout\n", o->on_timeout);
        return false;
    }
    if (o->no_live && (o->max_bandwidth || o->timeout_us || (o->throttle && strcmp(o->throttle, "auto") == 0))) {
        fprintf(stderr, "xlmig send: --%s is for a VM that runs, not for --no-live\n",
                o->max_bandwidth ? "max-bandwidth" : o->timeout_us ? "timeout" : "throttle");
        return false;
    }
    request->max_bandwidth = o->max_bandwidth;
    request->timeout_us = o->timeout_us;
    request->force_at_timeout = o->on_timeout && strcmp(o->on_timeout, "force") == 0;
    request->throttle = o->throttle && strcmp(o->throttle, "auto") == 0;
    return true;
}

static bool options_make_sense(const struct send_options *o, const char *host)
{
    if (!shared_way_makes_sense("send", o->transport, o->channels, host))
        return false;
    if (o->data_port && strcmp(o->transport, "tls") != 0 && strcmp(o->transport, "tcp") != 0) {
        fprintf(stderr, "xlmig send: --data-port is for --transport=tls and tcp\n");
        return false;
    }
    if (o->data_address && strcmp(o->transport, "tls") != 0 && strcmp(o->transport, "tcp") != 0) {
        fprintf(stderr, "xlmig send: --data-address is for --transport=tls and tcp\n");
        return false;
    }
    if (o->data_address && strlen(o->data_address) > MESSAGE_ADDRESS_MAX) {
        fprintf(stderr, "xlmig send: '%s' is no address\n", o->data_address);
        return false;
    }
    if (o->overwrite_report && !o->report) {
        fprintf(stderr, "xlmig send: --overwrite-report goes with --report\n");
        return false;
    }
    if (o->quiet && o->json) {
        fprintf(stderr, "xlmig send: --quiet and --json exclude each other\n");
        return false;
    }
    if (o->stock && strcmp(o->transport, "ssh") != 0) {
        fprintf(stderr, "xlmig send: --stock is for ssh: only xlmig knows tls and tcp, and exec:COMMAND decides itself\n");
        return false;
    }
    return true;
}

/* Before the VM is touched: whether a report can be written is known then. */
static int open_report(struct whole_file *report, const struct send_options *o, struct failure *failure)
{
    const struct whole_file_request file = {
        .path = o->report, .overwrite = o->overwrite_report, .how = "--overwrite-report", .mode = 0644, .text = true,
    };

    return whole_file_open(report, &file, failure);
}

/* The command line stands above the file: a default of the file's that does not go with it is none. */
static struct send_options without_what_does_not_go(const struct send_options *given, const struct send_options *file)
{
    struct send_options o = *given;

    if (o.no_live && o.max_bandwidth == file->max_bandwidth)
        o.max_bandwidth = 0;
    if (o.no_live && o.timeout_us == file->timeout_us)
        o.timeout_us = 0;
    if (o.no_live && o.throttle == file->throttle)
        o.throttle = NULL;
    if (!o.timeout_us && o.on_timeout == file->on_timeout)
        o.on_timeout = NULL;
    if (o.stock && o.transport == file->transport)
        o.transport = "ssh";
    if (strncmp(o.transport, "fd:", 3) == 0 && o.channels == file->channels)
        o.channels = "auto";
    return o;
}

/* All words behind the program's name, as this process was started; "" where that cannot be read. */
static void read_typed(char *text, size_t size)
{
    char words[4096], word[SHELL_WORD_SIZE];
    FILE *file = fopen("/proc/self/cmdline", "r");
    size_t len = file ? fread(words, 1, sizeof words - 1, file) : 0, used = 0;

    words[len] = '\0';
    text[0] = '\0';
    for (size_t at = 0; at < len && used < size; at += strlen(words + at) + 1)
        if (at > 0)
            used += (size_t)snprintf(text + used, size - used, "%s%s", used ? " " : "",
                                     shell_word(words + at, word, sizeof word));
    make_text_fit(text);
    if (file)
        fclose(file);
}

static int run_send(const struct verb_call *call)
{
    char typed[1024];
    const struct send_options own = without_what_does_not_go(call->options, call->defaults), *o = &own;
    struct send_request request = {
        .vm = call->argv[0], .host = call->argv[1], .toolstack = call->toolstack, .transport = o->transport,
        .data_address = o->data_address, .data_ports = shared_read_ports(o->data_port), .ssh_command = o->ssh_command,
        .stock = o->stock, .no_live = o->no_live, .paused = o->paused, .ignore_cpu = o->ignore_cpu,
        .ignore_devices = o->ignore_devices, .to_older_xen = o->to_older_xen, .late_devices = o->late_devices,
        .verbose = o->verbose, .max_rounds = o->max_rounds, .max_downtime_us = o->max_downtime_us,
        .stall_timeout_us = o->stall_timeout_us, .rejoin_timeout_us = o->rejoin_timeout_us,
        .connect_timeout_us = o->connect_timeout_us, .preflight_timeout_us = o->preflight_timeout_us,
        .ready_timeout_us = o->ready_timeout_us, .go_timeout_us = o->go_timeout_us,
        .style = progress_choose(o->quiet, o->json),
    };
    struct toolstack_session session;
    struct whole_file report = { .fd = -1 };
    struct failure failure = { 0 };
    int rc;

    if (!options_make_sense(o, request.host) || !image_makes_sense(o, &request) ||
        !limits_make_sense(o, &request))
        return EXIT_USAGE;
    if ((o->report && open_report(&report, o, &failure) < 0) ||
        toolstack_session_open(&session, call->toolstack, &failure) < 0) {
        progress_refused(request.style, MOVE_SENT, request.vm, failure.text);
        fprintf(stderr, "xlmig: %s not sent: %s%s\n", request.vm, failure.text, text_stop(failure.text));
        whole_file_close(&report);
        return EXIT_REFUSED;
    }
    request.report = o->report ? &report : NULL;
    read_typed(typed, sizeof typed);
    request.options = typed;
    rc = send_vm(session.ts, session.base, &request);
    toolstack_session_close(&session);
    whole_file_close(&report);
    return rc;
}

const struct verb verb_send = {
    .name = "send",
    .arguments = "VM HOST",
    .summary = "move a VM to another host while it runs",
    .details = "VM is a name or a domid.  HOST is reached by ssh, where `xlmig receive` or, failing that,\n"
               "`xl migrate-receive` takes it in.  Until the last moment Ctrl-C undoes everything: the VM\n"
               "runs on here.",
    .min_args = 2,
    .max_args = 2,
    .options = options,
    .defaults = &defaults,
    .options_size = sizeof defaults,
    .run = run_send,
};
