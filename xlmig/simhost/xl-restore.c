/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
/* The simulated xl, arriving at a host: `xl restore` and `xl migrate-receive`. */
#include "config.h"

#include "libxcsave/sim/client.h"
#include "stream-format/libxl-stream.h"
#include "xlmig/simhost/guest-config.h"
#include "xlmig/simhost/run-helper.h"
#include "xlmig/simhost/xl-io.h"
#include "xlmig/simhost/xl.h"
#include "xlmig/peer/xl-protocol.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct arrival {
    const char *dir;
    int host_fd, fd;
    uint32_t domid;
    bool exists;                /* the domain was made */
    unsigned devices_ms;
    bool devices_broken;
    char name[SIM_NAME_MAX + 1]; /* as it was called where it comes from */
};

/* The save header and the configuration behind it. */
static int read_config(const struct arrival *a, struct simguest_config *config)
{
    uint8_t head[sizeof(struct stream_xl_header)], length[4];
    char *json, why[128];

    if (simhost_xl_read(a->fd, head, sizeof head))
        return simhost_xl_complain(-1, "cannot read the save header: %s", strerror(errno));
    const uint32_t bytes = stream_get_le32(head + offsetof(struct stream_xl_header, optional_data_len));
    if (memcmp(head, STREAM_XL_MAGIC, STREAM_XL_MAGIC_LEN) || stream_get_le32(head + 32) != STREAM_XL_BYTEORDER ||
        stream_get_le32(head + 36) != STREAM_XL_FLAGS_KNOWN || bytes < 5 || bytes > SIMHOST_CONFIG_MAX)
        return simhost_xl_complain(-1, "this is no save file of a simulated host, or one that cannot be read");
    json = malloc(bytes - 4);
    if (!json || simhost_xl_read(a->fd, length, sizeof length) || simhost_xl_read(a->fd, json, bytes - 4)) {
        free(json);
        return simhost_xl_complain(-1, "cannot read the configuration: %s", strerror(errno));
    }
    int rc = simhost_config_read(json, strnlen(json, bytes - 4), config, why);
    free(json);
    return rc ? simhost_xl_complain(-1, "the VM's configuration: %s", why) : 0;
}

static int make_domain(struct arrival *a, const char *suffix)
{
    struct simguest_config config;

    if (read_config(a, &config))
        return -1;
    strcpy(a->name, config.name);
    a->devices_ms = config.devices_ms;
    a->devices_broken = config.devices_broken;
    if (strlen(config.name) + strlen(suffix) > SIM_NAME_MAX)
        return simhost_xl_complain(-1, "the name of the VM is too long");
    strcat(config.name, suffix);
    char *json = simhost_config_write(&config);
    struct sim_call call = {
        .op = SIM_CREATE, .arg = { SIM_CREATE_EMPTY }, .in = json, .in_bytes = json ? strlen(json) : 0,
    };
    int r = json ? sim_call(a->host_fd, &call) : -1;
    free(json);
    if (r)
        return simhost_xl_complain(-1, "cannot make a domain %s: %s", config.name, strerror(errno));
    a->domid = (uint32_t)call.value[0];
    a->exists = true;
    return 0;
}

static int restore_image(const struct arrival *a)
{
    char error[512];
    const struct run_helper run = {
        .dir = a->dir, .domid = a->domid, .io_fd = a->fd, .abort = &simhost_xl_abort, .error = error,
        .error_bytes = sizeof error,
    };

    (void)fcntl(a->fd, F_SETFL, fcntl(a->fd, F_GETFL) & ~O_NONBLOCK);
    if (simhost_run_helper(&run))
        return simhost_xl_complain(-1, "%s", error);
    return 0;
}

static int restore_emulator(const struct arrival *a, uint32_t bytes)
{
    uint8_t body[sizeof(struct stream_emulator_header) + SIM_PAYLOAD_MAX + STREAM_RECORD_ALIGN];

    if (bytes <= sizeof(struct stream_emulator_header) || bytes > sizeof body - STREAM_RECORD_ALIGN)
        return simhost_xl_complain(-1, "an EMULATOR_CONTEXT record of %u bytes", bytes);
    if (simhost_xl_read(a->fd, body, stream_record_padded(bytes)))
        return simhost_xl_complain(-1, "cannot read the device model's state: %s", strerror(errno));
    struct sim_call call = {
        .op = SIM_SET_EMULATOR, .domid = a->domid, .in = body + sizeof(struct stream_emulator_header),
        .in_bytes = bytes - sizeof(struct stream_emulator_header),
    };
    if (sim_call(a->host_fd, &call))
        return simhost_xl_complain(-1, "cannot set the device model's state: %s", strerror(errno));
    return 0;
}

/* libxl's stream: one image, maybe a device model, the end. */
static int read_stream(const struct arrival *a)
{
    uint8_t head[16], record[8];
    bool has_image = false;

    if (simhost_xl_read(a->fd, head, sizeof head))
        return simhost_xl_complain(-1, "cannot read the stream: %s", strerror(errno));
    if (stream_get_be64(head) != STREAM_LIBXL_IDENT || stream_get_be32(head + 8) != STREAM_LIBXL_VERSION ||
        stream_get_be32(head + 12) != 0)
        return simhost_xl_complain(-1, "this is no libxl stream of version 2");
    for (;;) {
        if (simhost_xl_read(a->fd, record, sizeof record))
            return simhost_xl_complain(-1, "cannot read the stream: %s", strerror(errno));
        const uint32_t type = stream_get_le32(record), bytes = stream_get_le32(record + 4);
        if (type == STREAM_LIBXL_REC_LIBXC_CONTEXT && bytes == 0 && !has_image) {
            if (restore_image(a))
                return -1;
            has_image = true;
        } else if (type == STREAM_LIBXL_REC_EMULATOR_CONTEXT && has_image) {
            if (restore_emulator(a, bytes))
                return -1;
        } else if (type == STREAM_LIBXL_REC_END && has_image) {
            return 0;
        } else {
            return simhost_xl_complain(-1, "the libxl stream has a record of type %#x where none may be", type);
        }
    }
}

/* As libxl does it: when all else is there. */
static int set_up_devices(const struct arrival *a)
{
    if (a->devices_ms == 0)
        return 0;
    if (a->devices_broken)
        return simhost_xl_complain(-1, "cannot set up the VM's devices");
    poll(NULL, 0, (int)a->devices_ms);
    return 0;
}

/* Make a VM of what is read; on failure nothing of it is left. */
static int arrive(struct arrival *a, const char *suffix)
{
    simhost_xl_signals();
    a->host_fd = sim_connect(a->dir);
    if (a->host_fd < 0)
        return simhost_xl_complain(-1, "simulated host %s: %s", a->dir, strerror(errno));
    if (make_domain(a, suffix) == 0 && read_stream(a) == 0 && set_up_devices(a) == 0)
        return 0;
    if (a->exists)
        sim_simple_call(a->host_fd, SIM_DESTROY, a->domid, 0);
    return -1;
}

static int unpause(const struct arrival *a, bool stay_paused)
{
    if (!stay_paused && sim_simple_call(a->host_fd, SIM_UNPAUSE, a->domid, 0))
        return simhost_xl_complain(-1, "cannot unpause %s: %s", a->name, strerror(errno));
    return 0;
}

int simhost_xl_restore(const char *dir, int argc, char **argv)
{
    struct arrival a = { .dir = dir };

    if (argc < 1)
        return SIMHOST_XL_USAGE;
    a.fd = open(argv[0], O_RDONLY | O_CLOEXEC);
    if (a.fd < 0)
        return simhost_xl_complain(SIMHOST_XL_FAILED, "%s: %s", argv[0], strerror(errno));
    if (arrive(&a, ""))
        return SIMHOST_XL_FAILED;
    if (unpause(&a, argc > 1) == 0)
        return SIMHOST_XL_DONE;
    sim_simple_call(a.host_fd, SIM_DESTROY, a.domid, 0);
    return SIMHOST_XL_FAILED;
}

/* After GO: 0 when the VM runs here under its name. */
static int take_over(const struct arrival *a, bool stay_paused)
{
    if (simhost_xl_rename(a->host_fd, a->domid, a->name))
        return simhost_xl_complain(-1, "cannot call the VM %s: %s", a->name, strerror(errno));
    return unpause(a, stay_paused);
}

int simhost_xl_receive(const char *dir, int argc, char **argv)
{
    struct arrival a = { .dir = dir, .fd = STDIN_FILENO };
    char go[sizeof XL_GO];

    (void)argv;
    signal(SIGPIPE, SIG_IGN);
    if (simhost_xl_write(STDOUT_FILENO, XL_BANNER, sizeof XL_BANNER - 1) || arrive(&a, "--incoming"))
        return SIMHOST_XL_FAILED;
    if (simhost_xl_write(STDOUT_FILENO, XL_READY, sizeof XL_READY) || simhost_xl_read(STDIN_FILENO, go, sizeof go) ||
        memcmp(go, XL_GO, sizeof go)) {
        simhost_xl_complain(0, "the sender did not give the VM over; what came of it is gone");
        sim_simple_call(a.host_fd, SIM_DESTROY, a.domid, 0);
        return SIMHOST_XL_FAILED;
    }
    const char result = take_over(&a, argc > 0) ? 1 : 0;
    const int told = simhost_xl_write(STDOUT_FILENO, XL_REPORT, sizeof XL_REPORT) ||
                     simhost_xl_write(STDOUT_FILENO, &result, 1);
    if (!result)
        return told ? SIMHOST_XL_FAILED : SIMHOST_XL_DONE;
    /* Once our copy is gone the sender may have it back, and is told so. */
    if (sim_simple_call(a.host_fd, SIM_DESTROY, a.domid, 0) == 0)
        (void)simhost_xl_write(STDOUT_FILENO, XL_GO, sizeof XL_GO);
    return SIMHOST_XL_FAILED;
}
