/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
#include "config.h"
#include "xlmig/send/prepare.h"

#include "xlmig/base/text.h"
#include "xlmig/domain/find.h"
#include "xlmig/domain/wake.h"
#include "xlmig/send/checks.h"
#include "xlmig/send/connect.h"
#include "xlmig/send/leftover.h"
#include "xlmig/send/ledger.h"
#include "xlmig/vm/release.h"
#include "xlmig/vm/travel.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define GIGABIT_BYTES_PER_S 117e6 /* what is left of 1 Gbit/s for the payload */

/* ---- finding it ---- */

/* -1: refused, and told. */
static int keep_config(struct send *s, const char *json, const struct failure *failure)
{
    if (!json) {
        send_refuse(s, EXIT_REFUSED, "%s", failure->text);
        return -1;
    }
    s->preparation.config_json = strdup(json);
    if (s->preparation.config_json)
        return 0;
    send_refuse(s, EXIT_REFUSED, "out of memory");
    return -1;
}

static void on_config(void *user, const char *json, const struct failure *failure)
{
    struct send *s = user;

    if (s->preparation.state == PREPARATION_CANCELLING || keep_config(s, json, failure) == 0)
        send_post_preparation(s, PREPARATION_FOUND);
}

void send_find(struct send *s)
{
    struct failure failure = { 0 }, left_over = { 0 };

    if (s->ts->ops->ask.host(s->ts, &s->host, &failure) < 0) {
        send_refuse(s, EXIT_REFUSED, "%s", failure.text);
        return;
    }
    if (vm_find_movable(s->ts, s->request->vm, &s->vm, &failure) < 0) {
        send_refuse(s, EXIT_REFUSED, "%s", send_is_left_over(s, &left_over) ? left_over.text : failure.text);
        return;
    }
    negotiate_own_hello(&s->host, &s->link.own_hello);
    snprintf(s->progress.move.vm, sizeof s->progress.move.vm, "%s", s->vm.name);
    snprintf(s->progress.move.from, sizeof s->progress.move.from, "%s", s->host.name);
    s->progress.move.memory_bytes = s->vm.memory_bytes;
    s->ts->ops->ask.config(s->ts, s->vm.domid, on_config, s);
}

/* ---- this side ---- */

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

static void check_live(struct send *s, const char *obstacle)
{
    char time[32];

    if (s->handover.held) {
        check_add(&s->preparation.found, CHECK_OK, "live", "the VM is paused and changes nothing meanwhile: it is copied in one pass");
        return;
    }
    if (!obstacle[0]) {
        check_add(&s->preparation.found, CHECK_OK, "live", "the VM's writes can be tracked while it is copied");
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
        check_add(&s->preparation.found, CHECK_OK, "vm", "%s %s on %s, and has nothing that cannot leave it",
                  s->vm.name, s->handover.held ? "is paused" : "runs", s->host.name);
    travel_check(s->preparation.config_json, s->request->ignore_devices, &s->preparation.found);
    check_live(s, obstacles.live);
}

/* What is to be typed once it has moved.  `automatic` may be "". */
static void offer_to_take(const struct send *s, struct check *check, const struct start_files *files)
{
    const char *config = files->config[0] ? files->config : files->automatic;
    char what[SHELL_WORD_SIZE], where[3 * SHELL_WORD_SIZE + 32], link[SHELL_WORD_SIZE], host[SHELL_WORD_SIZE];

    shell_word(s->request->host, host, sizeof host);
    shell_word(config, what, sizeof what);
    if (!files->automatic[0]) {
        check_remedy(check, "To take it along once the VM has moved: scp -p %s %s:%s", what, host, what);
        return;
    }
    shell_word(files->automatic, link, sizeof link);
    if (files->config[0])
        snprintf(where, sizeof where, "&& ssh %s ln -s %s %s ", host, what, link);
    else
        where[0] = '\0';
    check_remedy(check, "To take it along once the VM has moved: scp -p %s %s:%s %s&& rm %s", what, host, what, where, link);
}

/* The next boot does not ask whether it runs elsewhere. */
static void check_start_files(struct send *s)
{
    struct start_files files;

    s->ts->ops->source.start_files(s->ts, s->vm.name, &files);
    if (files.automatic[0])
        offer_to_take(s, check_add(&s->preparation.found, CHECK_WARNING, "autostart", "%s stays here, and starts it here "
                                   "again at the next boot of %s, though it runs on %s", files.automatic, s->host.name,
                                   s->destination), &files);
    else if (files.config[0])
        offer_to_take(s, check_add(&s->preparation.found, CHECK_UNKNOWN, "config", "%s stays here; whether %s has it, too, is "
                                   "not known", files.config, s->destination), &files);
}

static void read_cpu_policy(struct send *s)
{
    struct failure failure = { 0 };

    if (!s->request->ignore_cpu &&
        s->ts->ops->source.cpu_policy(s->ts, s->vm.domid, &s->preparation.cpu_policy, &failure) < 0)
        check_remedy(check_add(&s->preparation.found, CHECK_REFUSED, "cpu", "%s", failure.text),
                     "To go without this check: --ignore-cpu");
}

/* Its own kernel answers the request to suspend, where it has Xen's drivers. */
static void check_paused(struct send *s)
{
    if (!s->handover.held)
        return;
    if (s->ts->ops->suspend.needs_guest(s->ts, &s->vm) == 0)
        check_add(&s->preparation.found, CHECK_OK, "paused", "the VM does not run meanwhile, and arrives paused");
    else
        check_remedy(check_add(&s->preparation.found, CHECK_WARNING, "paused",
                               "the VM arrives paused, but has to run for a moment before, here, to be suspended: its own "
                               "kernel does that"),
                     "Mostly that is well below a second, and never more than %u s; then it is paused again, and stays here",
                     (unsigned)(WAKE_LIMIT_US / 1000000));
}

/* What ended an earlier migration of it may have taken its time, or have paused it again. */
static int look_again(struct send *s)
{
    struct failure failure = { 0 };
    int rc = s->ts->ops->ask.find_domid(s->ts, s->vm.domid, &s->vm, &failure);

    if (rc == 0 && s->vm.state != VM_RUNNING && s->vm.state != VM_PAUSED)
        rc = failure_set(&failure, "it is %s by now", vm_state_name(s->vm.state));
    if (rc != 0)
        send_refuse(s, EXIT_REFUSED, "%s", rc == 1 ? "it is gone by now" : failure.text);
    s->handover.held = s->progress.move.held = s->vm.state == VM_PAUSED;
    s->progress.move.stays_paused = send_stays_paused(s);
    return rc;
}

/* While it arrives it is called by a longer one. */
static void check_name(struct send *s)
{
    if (strlen(s->vm.name) > VM_NAME_MOVES_MAX)
        check_remedy(check_add(&s->preparation.found, CHECK_REFUSED, "name",
                               "its name has %zu octets, and %u are the most that can move", strlen(s->vm.name),
                               VM_NAME_MOVES_MAX),
                     "To give it a shorter one, with another word for NAME: xl rename %u NAME", s->vm.domid);
}

void send_ask_here(struct send *s)
{
    if (look_again(s) != 0)
        return;
    check_name(s);
    check_obstacles(s);
    check_start_files(s);
    check_paused(s);
    read_cpu_policy(s);
    if (may_go_on(s))
        send_post_preparation(s, PREPARATION_CLEAR);
}

/* ---- asking the other side ---- */

static void ask_preflight(struct send *s)
{
    struct candidate preflight = {
        .type = s->vm.type, .memory_bytes = s->vm.memory_bytes, .vcpus = s->vm.vcpus,
        .config_json = s->preparation.config_json,
        .early_devices = !s->request->late_devices && !s->request->check_only,
        .only_asked = s->request->check_only, .ignore_devices = s->request->ignore_devices, .cpu_policy = s->preparation.cpu_policy,
    };
    struct failure failure = { 0 };

    snprintf(preflight.name, sizeof preflight.name, "%s", s->vm.name);
    memcpy(preflight.uuid, s->vm.uuid, sizeof preflight.uuid);
    /* Sizes that are not known are not compared. */
    s->ts->ops->source.disk_sizes(s->ts, s->preparation.config_json, preflight.disks, &preflight.nr_disks, &failure);
    send_await(s, (struct send_awaited){ "say whether it can take the VM", "preflight-timeout",
                                         s->request->preflight_timeout_us });
    peer_ask_preflight(s->link.peer, &preflight); /* a failure shows as PEER_LOST */
}

/* Before anything is copied: an older Xen says only at the very end that it does not take the guest. */
static void compare_releases(struct send *s, const char *there)
{
    const char *here = s->host.hypervisor;
    enum check_result result = release_judge(s->vm.type, here, there);
    struct check *check;

    if (result == CHECK_OK) {
        check_add(&s->preparation.found, CHECK_OK, "release", "%s here, %s on %s", here, there, s->destination);
        return;
    }
    if (result == CHECK_REFUSED && s->request->to_older_xen)
        result = CHECK_WARNING;
    check = check_add(&s->preparation.found, result, "release",
                      "%s runs %s, older than %s here: Xen does not promise that a guest goes back", s->destination, there,
                      here);
    if (s->vm.type == VM_TYPE_PV)
        check_remedy(check, "If it fails, the VM runs on here");
    else
        check_remedy(check, "For %s guests it may fail when all has been copied, and the VM then runs on here; "
                     "to try it all the same: --to-older-xen", vm_type_name(s->vm.type));
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
                  "whether %s lets the data through, to a port of its kernel's choice, is known when it is sent",
                  s->destination);
}

/* Its command line says so, and with a transport of the administrator's that is his. */
static void check_xl_leaves_it_paused(struct send *s)
{
    if (!s->handover.held || s->request->paused || send_transport_is_ssh(s->request))
        return;
    check_remedy(check_add(&s->preparation.found, CHECK_REFUSED, "paused",
                           "it is paused, and xl on %s lets it run unless it is started with -p, which --transport decides",
                           s->destination),
                 "If --transport starts xl with it (xl migrate-receive -p), say so here: --paused");
}

/* Who answers there; and a way to what both can. */
static bool greeting_suffices(struct send *s)
{
    const struct message_hello *hello = peer_dialect(s->link.peer) == PEER_XLMIG ? peer_hello(s->link.peer) : NULL;

    snprintf(s->progress.move.peer, sizeof s->progress.move.peer, "%s", hello ? hello->program : "stock xl");
    if (hello) {
        check_add(&s->preparation.found, CHECK_OK, "destination", "%s answers on %s", hello->program, hello->host);
        compare_releases(s, hello->hypervisor);
    } else {
        check_remedy(check_add(&s->preparation.found, CHECK_UNKNOWN, "destination",
                               "%s has stock xl, which cannot be asked what it can take", s->destination),
                     "Install xlmig there, too");
        check_xl_leaves_it_paused(s);
    }
    check_way(s, hello);
    return may_go_on(s);
}

void send_ask_there(struct send *s)
{
    if (greeting_suffices(s))
        ask_preflight(s);
}

void send_record_for_xl(struct send *s)
{
    if (!greeting_suffices(s))
        return;
    if (s->request->check_only) {
        send_end_preparation(s);
        return;
    }
    progress_note(&s->progress, "%s answers with stock xl: what it can take cannot be asked beforehand",
                  s->destination);
    send_tell_notes(s);
    if (send_begin_journal(s) == 0)
        send_post_preparation(s, PREPARATION_RECORDED);
}

static void add_their_checks(struct send *s, const struct candidate_answer *answer)
{
    struct check_list *found = &s->preparation.found;

    for (unsigned i = 0; i < answer->found.nr; i++) {
        const struct check *check = &answer->found.checks[i];

        check_remedy(check_add(found, check->result, check->subject, "%s", check->text), "%s", check->remedy);
    }
    found->incomplete |= answer->found.incomplete;
    if (answer->only_refusals && !check_refuses(&answer->found))
        check_add(found, CHECK_UNKNOWN, "destination", "that host sees nothing in the way, but its xlmig is of a release "
                  "that looks neither for disks nor for networks");
}

static void on_answered(struct send *s, const struct candidate_answer *answer)
{
    if (s->preparation.state != PREPARATION_ASKING_THERE) /* a receiver that answers twice, or was not asked */
        return;
    add_their_checks(s, answer);
    if (s->request->check_only) {
        send_end_preparation(s);
        return;
    }
    if (!may_go_on(s))
        return;
    if (answer->config_json && !(s->preparation.sent_config_json = strdup(answer->config_json))) {
        send_refuse(s, EXIT_REFUSED, "out of memory");
        return;
    }
    send_tell_notes(s);
    send_post_preparation(s, PREPARATION_ANSWERED);
}

/* ---- what it says until it listens ---- */

static void on_lost(struct send *s, const char *text)
{
    bool can_fall_back = s->preparation.state == PREPARATION_CONNECTING && !s->request->stock &&
                         send_transport_is_ssh(s->request);

    if (can_fall_back && peer_command_not_found(s->link.peer))
        send_post_preparation(s, PREPARATION_NO_XLMIG);
    else
        send_refuse(s, EXIT_REFUSED, "%s", text);
}

void send_on_preparing(struct send *s, const struct peer_event *event)
{
    bool is_xl = peer_dialect(s->link.peer) == PEER_XL;

    switch (event->kind) {
    case PEER_GREETED:
        send_post_preparation(s, is_xl ? PREPARATION_GREETED_BY_XL : PREPARATION_GREETED);
        return;
    case PEER_ANSWERED:
        on_answered(s, event->answer);
        return;
    case PEER_CHANNELS:
        send_invite_channels(s, event->where);
        return;
    case PEER_LISTENING:
        send_post_preparation(s, PREPARATION_LISTENING);
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
