/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Before the guest is touched: find it, ask what stands in its way, connect, ask the other side. */
#include "xlmig/send.h"

#include "xlmig/vm-find.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#define GIGABIT_BYTES_PER_S 117e6 /* what is left of 1 Gbit/s for the payload */

void send_refuse(struct send *s, int exit_status, const char *format, ...)
{
    char text[2048];
    va_list args;

    if (s->over)
        return;
    s->over = true;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    progress_break(&s->progress);
    fprintf(stderr, "xlmig: %s not sent to %s: %s.\n", s->vm.name[0] ? s->vm.name : s->request->vm, s->there, text);
    if (s->vm.name[0])
        fprintf(stderr, "%s was not touched; it is %s on this host.\n", s->vm.name, vm_state_name(s->vm.state));
    s->exit_status = exit_status;
}

/* ---- this side ---- */

static bool nothing_in_the_way(struct send *s)
{
    struct toolstack_obstacles obstacles;
    struct failure failure = { 0 };
    char time[32];

    if (s->ts->ops->obstacles(s->ts, &s->vm, s->config_json, &obstacles, &failure) < 0) {
        send_refuse(s, EXIT_REFUSED, "%s", failure.text);
        return false;
    }
    if (obstacles.any[0]) {
        send_refuse(s, EXIT_REFUSED, "%s", obstacles.any);
        return false;
    }
    if (obstacles.live[0] && !s->request->no_live) {
        format_us((uint64_t)((double)s->vm.memory_bytes / GIGABIT_BYTES_PER_S * 1e6), time, sizeof time);
        send_refuse(s, EXIT_REFUSED, "%s.\nIt can be moved with --no-live: it then stands still while all of its "
                    "%llu MiB are copied, about %s over a 1 Gbit/s link", obstacles.live,
                    (unsigned long long)(s->vm.memory_bytes >> 20), time);
        return false;
    }
    return true;
}

static void on_config(void *user, const char *json, const struct failure *failure)
{
    struct failure policy_failure = { 0 };
    struct send *s = user;

    s->config_pending = false;
    if (s->cancelled) {
        send_refuse(s, EXIT_CANCELLED, "cancelled");
        return;
    }
    if (!json) {
        send_refuse(s, EXIT_REFUSED, "%s", failure->text);
        return;
    }
    s->config_json = strdup(json);
    if (!s->config_json) {
        send_refuse(s, EXIT_REFUSED, "out of memory");
        return;
    }
    if (!nothing_in_the_way(s))
        return;
    if (!s->request->ignore_cpu && s->ts->ops->cpu_policy(s->ts, s->vm.domid, &s->cpu_policy, &policy_failure) < 0) {
        send_refuse(s, EXIT_REFUSED, "%s; to go without this check: --ignore-cpu", policy_failure.text);
        return;
    }
    send_connect(s, s->request->stock);
}

void send_prepare(struct send *s)
{
    struct failure failure = { 0 };

    if (s->ts->ops->host(s->ts, &s->host, &failure) < 0) {
        send_refuse(s, EXIT_REFUSED, "%s", failure.text);
        return;
    }
    if (vm_find_running(s->ts, s->request->vm, &s->vm, &failure) < 0) {
        send_refuse(s, EXIT_REFUSED, "%s", failure.text);
        return;
    }
    negotiate_own_hello(&s->host, &s->own_hello);
    snprintf(s->progress.run.vm, sizeof s->progress.run.vm, "%s", s->vm.name);
    snprintf(s->progress.run.from, sizeof s->progress.run.from, "%s", s->host.name);
    s->progress.run.memory_bytes = s->vm.memory_bytes;
    s->config_pending = true;
    s->ts->ops->config(s->ts, s->vm.domid, on_config, s);
}

/* ---- asking the other side ---- */

static void ask_preflight(struct send *s)
{
    struct control_preflight preflight = {
        .type = s->vm.type, .memory_bytes = s->vm.memory_bytes, .vcpus = s->vm.vcpus,
        .config_json = s->config_json, .early_devices = !s->request->late_devices, .cpu_policy = s->cpu_policy,
    };

    snprintf(preflight.name, sizeof preflight.name, "%s", s->vm.name);
    memcpy(preflight.uuid, s->vm.uuid, sizeof preflight.uuid);
    send_await(s, "its word on whether it can take the VM", s->request->preflight_timeout_us);
    peer_ask_preflight(s->peer, &preflight); /* a failure shows as PEER_LOST */
}

/* Xen promises that a guest can move to the next release, not back. */
static void compare_releases(struct send *s, const char *there)
{
    unsigned major, minor, their_major, their_minor;

    if (sscanf(s->host.hypervisor, "Xen %u.%u", &major, &minor) == 2 &&
        sscanf(there, "Xen %u.%u", &their_major, &their_minor) == 2 &&
        (their_major < major || (their_major == major && their_minor < minor)))
        progress_note(&s->progress, "%s runs %s, older than %s here: Xen does not promise that this works", s->there,
                      there, s->host.hypervisor);
}

static void on_greeted(struct send *s)
{
    bool is_xlmig = peer_dialect(s->peer) == PEER_XLMIG;

    if (send_choose(s, is_xlmig ? peer_hello(s->peer) : NULL) < 0)
        return;
    if (is_xlmig) {
        compare_releases(s, peer_hello(s->peer)->hypervisor);
        ask_preflight(s);
        return;
    }
    progress_note(&s->progress, "%s answers with stock xl: what it can take cannot be asked beforehand", s->there);
    send_copy(s);
}

static void on_answered(struct send *s, const struct control_answer *answer)
{
    char text[2000] = "";
    size_t used = 0;

    if (answer->nr_refusals == 0) {
        if (answer->config_json && !(s->sent_config_json = strdup(answer->config_json)))
            send_refuse(s, EXIT_REFUSED, "out of memory");
        else
            send_begin(s);
        return;
    }
    for (unsigned i = 0; i < answer->nr_refusals && used < sizeof text; i++)
        used += (size_t)snprintf(text + used, sizeof text - used, "%s%s", i ? ";\n  " : "", answer->refusals[i]);
    send_refuse(s, EXIT_REFUSED, "%s", text);
}

static void on_lost(struct send *s, const char *text)
{
    bool can_fall_back = !s->stock_tried && send_transport_is_ssh(s->request);

    if (can_fall_back && peer_command_not_found(s->peer)) {
        /* The peer that tells of this cannot be replaced from within: from the loop, then. */
        event_active(s->reconnect, EV_TIMEOUT, 1);
        return;
    }
    send_refuse(s, EXIT_REFUSED, "%s", text);
}

void send_on_preparing(struct send *s, const struct peer_event *event)
{
    switch (event->kind) {
    case PEER_GREETED:
        on_greeted(s);
        return;
    case PEER_ANSWERED:
        on_answered(s, event->answer);
        return;
    case PEER_CHANNELS:
        send_invite_channels(s, event->where);
        return;
    case PEER_LISTENING:
        s->listening = true;
        send_when_connected(s);
        return;
    case PEER_DEVICES:
        s->devices_ready = true;
        return;
    case PEER_FAILED:
        send_refuse(s, EXIT_REFUSED, "%s", event->text);
        return;
    case PEER_LOST:
        on_lost(s, event->text);
        return;
    default:
        return;
    }
}
