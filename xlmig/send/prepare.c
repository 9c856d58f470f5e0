/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Before the guest is touched: find it, ask what stands in its way, connect, ask the other side. */
#include "xlmig/send/send.h"

#include "xlmig/domain/find.h"
#include "xlmig/base/text.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#define GIGABIT_BYTES_PER_S 117e6 /* what is left of 1 Gbit/s for the payload */
#define SEND_REFUSAL_MAX 8192u

/* When only checking, this is a result as any other; the rest can then not be asked. */
static void end_check(struct send *s, int exit_status, const char *text)
{
    s->exit_status = exit_status;
    if (exit_status != EXIT_CANCELLED)
        check_add(&s->preparation.found, CHECK_REFUSED, s->preparation.config_json ? "destination" : "vm", "%s", text);
}

void send_refuse(struct send *s, int exit_status, const char *format, ...)
{
    char text[SEND_REFUSAL_MAX];
    va_list args;

    if (s->over)
        return;
    s->over = true;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    if (s->request->check_only) {
        end_check(s, exit_status, text);
        return;
    }
    progress_break(&s->progress);
    fprintf(stderr, "xlmig: %s not sent to %s: %s.\n", s->vm.name[0] ? s->vm.name : s->request->vm, s->destination,
            text);
    if (s->vm.name[0])
        fprintf(stderr, "%s was not touched; it is %s on this host.\n", s->vm.name, vm_state_name(s->vm.state));
    s->exit_status = exit_status;
}

/* May it go on?  A check asks all that can be asked, whatever was found. */
static bool may_go_on(struct send *s)
{
    char text[SEND_REFUSAL_MAX];

    if (s->request->check_only || !check_refuses(&s->preparation.found))
        return true;
    check_refusals(&s->preparation.found, text, sizeof text);
    send_refuse(s, EXIT_REFUSED, "%s", text);
    return false;
}

/* ---- this side ---- */

static void check_live(struct send *s, const char *obstacle)
{
    char time[32];

    if (!obstacle[0]) {
        check_add(&s->preparation.found, CHECK_OK, "live", "its writes can be tracked while it is copied");
        return;
    }
    if (s->request->no_live) {
        check_add(&s->preparation.found, CHECK_OK, "live", "not asked for; with it: %s", obstacle);
        return;
    }
    format_us((uint64_t)((double)s->vm.memory_bytes / GIGABIT_BYTES_PER_S * 1e6), time, sizeof time);
    check_remedy(check_add(&s->preparation.found, CHECK_REFUSED, "live", "%s", obstacle),
                 "It can be moved with --no-live: it then stands still while all of its %llu MiB are copied, about %s "
                 "over a 1 Gbit/s link", (unsigned long long)(s->vm.memory_bytes >> 20), time);
}

static void check_obstacles(struct send *s)
{
    struct toolstack_obstacles obstacles;
    struct failure failure = { 0 };

    if (s->ts->ops->source.obstacles(s->ts, &s->vm, s->preparation.config_json, &obstacles, &failure) < 0) {
        check_add(&s->preparation.found, CHECK_REFUSED, "host", "%s", failure.text);
        return;
    }
    if (obstacles.any[0])
        check_add(&s->preparation.found, CHECK_REFUSED, "vm", "%s", obstacles.any);
    else
        check_add(&s->preparation.found, CHECK_OK, "vm", "%s runs on %s, and has nothing that cannot leave it",
                  s->vm.name,
                  s->host.name);
    check_live(s, obstacles.live);
}

static void read_cpu_policy(struct send *s)
{
    struct failure failure = { 0 };

    if (!s->request->ignore_cpu && s->ts->ops->source.cpu_policy(s->ts, s->vm.domid, &s->preparation.cpu_policy,
                                                                 &failure) < 0)
        check_remedy(check_add(&s->preparation.found, CHECK_REFUSED, "cpu", "%s", failure.text),
                     "To go without this check: --ignore-cpu");
}

void send_go_on(struct send *s)
{
    check_obstacles(s);
    read_cpu_policy(s);
    if (may_go_on(s))
        send_connect(s, s->request->stock);
}

static void on_config(void *user, const char *json, const struct failure *failure)
{
    struct send *s = user;

    s->preparation.config_pending = false;
    if (s->cancelled) {
        send_refuse(s, EXIT_CANCELLED, "cancelled");
        return;
    }
    if (!json) {
        send_refuse(s, EXIT_REFUSED, "%s", failure->text);
        return;
    }
    s->preparation.config_json = strdup(json);
    if (!s->preparation.config_json) {
        send_refuse(s, EXIT_REFUSED, "out of memory");
        return;
    }
    send_end_leftover(s);
}

void send_prepare(struct send *s)
{
    struct failure failure = { 0 }, left_over = { 0 };

    if (s->ts->ops->ask.host(s->ts, &s->host, &failure) < 0) {
        send_refuse(s, EXIT_REFUSED, "%s", failure.text);
        return;
    }
    if (vm_find_running(s->ts, s->request->vm, &s->vm, &failure) < 0) {
        send_refuse(s, EXIT_REFUSED, "%s", send_is_left_over(s, &left_over) ? left_over.text : failure.text);
        return;
    }
    negotiate_own_hello(&s->host, &s->link.own_hello);
    snprintf(s->progress.run.vm, sizeof s->progress.run.vm, "%s", s->vm.name);
    snprintf(s->progress.run.from, sizeof s->progress.run.from, "%s", s->host.name);
    s->progress.run.memory_bytes = s->vm.memory_bytes;
    s->preparation.config_pending = true;
    s->ts->ops->ask.config(s->ts, s->vm.domid, on_config, s);
}

/* ---- asking the other side ---- */

static void ask_preflight(struct send *s)
{
    struct candidate preflight = {
        .type = s->vm.type, .memory_bytes = s->vm.memory_bytes, .vcpus = s->vm.vcpus,
        .config_json = s->preparation.config_json, .early_devices = !s->request->late_devices &&
        !s->request->check_only,
        .ignore_devices = s->request->ignore_devices, .cpu_policy = s->preparation.cpu_policy,
    };
    struct failure failure = { 0 };

    snprintf(preflight.name, sizeof preflight.name, "%s", s->vm.name);
    memcpy(preflight.uuid, s->vm.uuid, sizeof preflight.uuid);
    /* Sizes that are not known are not compared. */
    s->ts->ops->source.disk_sizes(s->ts, s->preparation.config_json, preflight.disks, &preflight.nr_disks, &failure);
    send_await(s, "its word on whether it can take the VM", s->request->preflight_timeout_us);
    peer_ask_preflight(s->link.peer, &preflight); /* a failure shows as PEER_LOST */
}

/* Xen promises that a guest can move to the next release, not back. */
static void compare_releases(struct send *s, const char *there)
{
    unsigned major, minor, their_major, their_minor;

    if (sscanf(s->host.hypervisor, "Xen %u.%u", &major, &minor) == 2 &&
        sscanf(there, "Xen %u.%u", &their_major, &their_minor) == 2 &&
        (their_major < major || (their_major == major && their_minor < minor)))
        check_add(&s->preparation.found, CHECK_WARNING, "release",
                  "%s runs %s, older than %s here: Xen does not promise that this "
                  "works", s->destination, there, s->host.hypervisor);
    else
        check_add(&s->preparation.found, CHECK_OK, "release", "%s here, %s on %s", s->host.hypervisor, there,
                  s->destination);
}

/* Find a way to what both sides can. */
static void check_way(struct send *s, const struct message_hello *hello)
{
    struct failure failure = { 0 };

    if (send_choose(s, hello, &failure) < 0) {
        check_add(&s->preparation.found, CHECK_REFUSED, "image", "%s", failure.text);
        return;
    }
    check_add(&s->preparation.found, CHECK_OK, "image", "%s image, %u channel%s",
              s->link.choice.image_v1 ? "xlmig's" : "libxc's",
              s->link.choice.nr_channels, s->link.choice.nr_channels == 1 ? "" : "s");
    if (s->link.choice.data != MESSAGE_DATA_INLINE)
        check_add(&s->preparation.found, CHECK_UNKNOWN, "data",
                  "whether %s lets the data through, to a port of its kernel's choice, "
                  "is known when it is sent", s->destination);
}

static void on_greeted(struct send *s)
{
    bool is_xlmig = peer_dialect(s->link.peer) == PEER_XLMIG;
    const struct message_hello *hello = is_xlmig ? peer_hello(s->link.peer) : NULL;

    if (is_xlmig)
        check_add(&s->preparation.found, CHECK_OK, "destination", "%s answers on %s", hello->program, hello->host);
    else
        check_remedy(check_add(&s->preparation.found, CHECK_UNKNOWN, "destination",
                               "%s has stock xl, which cannot be asked what it "
                               "can take", s->destination),
                     "Install xlmig there, too");
    if (is_xlmig)
        compare_releases(s, hello->hypervisor);
    check_way(s, hello);
    if (!may_go_on(s))
        return;
    if (is_xlmig) {
        ask_preflight(s);
    } else if (s->request->check_only) {
        s->over = true;
    } else {
        progress_note(&s->progress, "%s answers with stock xl: what it can take cannot be asked beforehand",
                      s->destination);
        send_tell_notes(s);
        if (send_begin_journal(s) == 0)
            send_copy(s);
    }
}

static void on_answered(struct send *s, const struct candidate_answer *answer)
{
    if (s->preparation.begun) /* a receiver that answers twice */
        return;
    for (unsigned i = 0; i < answer->found.nr; i++) {
        const struct check *check = &answer->found.checks[i];

        check_remedy(check_add(&s->preparation.found, check->result, check->subject, "%s", check->text), "%s",
                     check->remedy);
    }
    s->preparation.found.incomplete |= answer->found.incomplete;
    if (answer->only_refusals && !check_refuses(&answer->found))
        check_add(&s->preparation.found, CHECK_UNKNOWN, "destination",
                  "it sees nothing in the way, but its xlmig is of a release "
                  "that looks neither for disks nor for networks");
    if (s->request->check_only) {
        s->over = true;
        return;
    }
    if (!may_go_on(s))
        return;
    if (answer->config_json && !(s->preparation.sent_config_json = strdup(answer->config_json))) {
        send_refuse(s, EXIT_REFUSED, "out of memory");
        return;
    }
    send_tell_notes(s);
    send_begin(s);
}

static void on_lost(struct send *s, const char *text)
{
    bool can_fall_back = !s->preparation.stock_tried && send_transport_is_ssh(s->request);

    if (can_fall_back && peer_command_not_found(s->link.peer)) {
        /* The peer that tells of this cannot be replaced from within: from the loop, then. */
        event_active(s->link.renew, EV_TIMEOUT, 1);
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
        s->preparation.listening = true;
        send_when_connected(s);
        return;
    case PEER_DEVICES:
        s->preparation.devices_ready = true;
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
