/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
/* xlmig-simhost: start a simulated host and talk to it by hand. */
#include "config.h"

#include "libxcsave/sim/client.h"
#include "xlmig/simhost/guest-config.h"
#include "xlmig/simhost/server.h"
#include "xlmig/simhost/xl-io.h"
#include "xlmig/simhost/xl.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* Of this machine's memory, for a host's guests: it is real. */
#define DEFAULT_MEMORY_PERCENT 50u

static const char help[] =
    "Usage: xlmig-simhost start DIR [memory=BYTES] [owner=PID]\n"
    "       xlmig-simhost create DIR NAME [SETTING=VALUE...]\n"
    "       xlmig-simhost list|stop DIR\n"
    "       xlmig-simhost info|config|pause|unpause|resume|destroy|check DIR NAME\n"
    "       xlmig-simhost proof DIR NAME|UUID suspended|restored\n"
    "       xlmig-simhost cap DIR NAME PERCENT\n"
    "       xlmig-simhost fault DIR NAME deaf=0|1|drivers=0|1\n"
    "and as xl:\n"
    "       xlmig-simhost save DIR NAME FILE\n"
    "       xlmig-simhost restore DIR FILE [paused]\n"
    "       xlmig-simhost migrate DIR NAME COMMAND\n"
    "       xlmig-simhost migrate-receive DIR [paused]\n"
    "\n"
    "A simulated Xen host, to try xlmig without Xen: `xlmig --toolstack sim:DIR ...`.\n"
    "start returns when the host can be used; it ends with `stop`, with the process\n"
    "that started it (or with that of owner=; 0: nobody's), or when DIR is removed.\n"
    "Its memory, for guests, is half of this machine's unless memory= says otherwise.\n"
    "\n"
    "Settings of a guest, with what they are when not given:\n"
    "  type=pvh        hvm: with a device model, which writes to memory too\n"
    "  memory=64M      memory when it boots\n"
    "  maxmem=MEMORY   to which it may grow\n"
    "  vcpus=2\n"
    "  cap=0           per cent of one CPU that they may take together; 0: no limit\n"
    "  rate=16M        bytes a second that it writes\n"
    "  working-set=0   bytes among which it writes; 0: all memory\n"
    "  content=mixed   of its pages: mixed, zero, text, random\n"
    "  seed=1          of all that is random in it\n"
    "  holes=0         per cent of its memory that is ballooned out\n"
    "  balloon=0       milliseconds between changes of its balloon; 0: none\n"
    "  grow=0          milliseconds between pages that it takes beyond MEMORY; 0: none\n"
    "  devices=0       milliseconds that setting up its disks and network takes where it arrives\n"
    "  devices-broken=0  1: they cannot be set up there\n"
    "  disk=PATH       a disk: DIR/PATH, where it arrives too\n"
    "  bridge=NAME     a network: the folder DIR/sys/class/net/NAME/bridge and the script\n"
    "                  DIR/etc/xen/scripts/vif-bridge, where it arrives too\n"
    "  kernel=PATH     what it starts from: DIR/PATH\n"
    "  uuid=UUID       a random one\n"
    "\n"
    "DIR/cpu-lacks may hold a number: bits of CPUID leaf 7, EBX, that the host's CPU lacks.\n";

static int complain(const char *what)
{
    fprintf(stderr, "xlmig-simhost: %s: %s\n", what, strerror(errno));
    return 1;
}

/* ---- start ---- */

static void detach(const char *dir)
{
    char path[4096];

    snprintf(path, sizeof path, "%s/log", dir);
    int null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);
    int log_fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
    dup2(null_fd, 0);
    dup2(null_fd, 1);
    dup2(log_fd < 0 ? null_fd : log_fd, 2);
    /* What else the caller had open is not ours to keep open: a pipe's other end waits for its end. */
    close_range(5, ~0u, 0);
    setsid();
}

static int run_host(struct simhost_options *options, int ready_fd)
{
    options->ready_fd = dup3(ready_fd, 4, O_CLOEXEC) == 4 ? 4 : ready_fd;
    detach(options->dir);
    int rc = simhost_serve(options);
    if (rc) {
        errno = rc;
        complain(options->dir);
    }
    return rc;
}

static uint64_t default_memory(void)
{
    return (uint64_t)sysconf(_SC_PHYS_PAGES) / 100 * DEFAULT_MEMORY_PERCENT * (uint64_t)sysconf(_SC_PAGESIZE);
}

static int start(const char *dir, int argc, char **argv)
{
    struct simhost_options options = { .dir = dir, .memory_bytes = default_memory(), .owner = getppid() };
    int ready[2];
    char byte;

    for (int i = 0; i < argc; i++) {
        struct simguest_config size;
        int owner, end = 0;
        simhost_config_default(&size, "");
        if (sscanf(argv[i], "owner=%d%n", &owner, &end) == 1 && !argv[i][end] && owner >= 0)
            options.owner = owner;
        else if (strncmp(argv[i], "memory=", 7) == 0 && simhost_config_set(&size, argv[i]) == 0)
            options.memory_bytes = size.max_pfns * PATTERN_PAGE_SIZE;
        else {
            fprintf(stderr, "xlmig-simhost: start: what is `%s'?\n", argv[i]);
            return 2;
        }
    }
    if (mkdir(dir, 0755) && errno != EEXIST)
        return complain(dir);
    if (pipe2(ready, O_CLOEXEC))
        return complain("pipe");
    pid_t pid = fork();
    if (pid < 0)
        return complain("fork");
    if (pid == 0)
        _exit(run_host(&options, ready[1]) ? 1 : 0);
    close(ready[1]);
    if (read(ready[0], &byte, 1) == 1)
        return 0;
    waitpid(pid, NULL, 0);
    fprintf(stderr, "xlmig-simhost: no host in %s; its last words:\n", dir);
    char command[4200];
    snprintf(command, sizeof command, "%s/log", dir);
    FILE *log = fopen(command, "r");
    while (log && fgets(command, sizeof command, log))
        fputs(command, stderr);
    return 1;
}

/* ---- talk to one ---- */

static const char *state_name(uint32_t state)
{
    static const char *const names[] = { "running", "paused", "suspended" };

    return state < 3 ? names[state] : "?";
}

static void print_uuid(const uint8_t *u)
{
    for (unsigned i = 0; i < 16; i++)
        printf("%s%02x", i == 4 || i == 6 || i == 8 || i == 10 ? "-" : "", u[i]);
}

static int list(int fd)
{
    struct sim_domain_info info = { 0 };

    printf("%-24s %5s %10s %6s %9s %12s %12s %7s\n", "NAME", "ID", "MEMORY", "VCPUS", "STATE", "TICKS", "WRITES",
           "ERRORS");
    for (uint64_t domid = 0;; domid = (uint64_t)info.domid + 1) {
        struct sim_call call = { .op = SIM_LIST, .arg = { domid }, .out = &info, .out_room = sizeof info };
        if (sim_call(fd, &call))
            return errno == ENOENT ? 0 : complain("list");
        printf("%-24s %5u %9" PRIu64 "K %6u %9s %12" PRIu64 " %12" PRIu64 " %7" PRIu64 "\n", info.name, info.domid,
               info.present_pages * 4, info.nr_vcpus, state_name(info.state), info.ticks, info.writes, info.errors);
    }
}

static int print_info(const struct sim_domain_info *info)
{
    printf("name=%s\ndomid=%u\nuuid=", info->name, info->domid);
    print_uuid(info->uuid);
    printf("\nstate=%s\nvcpus=%u\ncap=%u\nemulator=%u\nlogdirty=%u\nemulator_logdirty=%u\nsuspend_asked=%u\n"
           "paused=%u\ncpu_ns=%" PRIu64 "\n"
           "max_pfns=%" PRIu64 "\nnr_pfns=%" PRIu64 "\npresent_pages=%" PRIu64 "\nsuperpages=%" PRIu64 "\n"
           "hugepages=%" PRIu64 "\nticks=%" PRIu64 "\nwrites=%" PRIu64 "\nerrors=%" PRIu64 "\n"
           "max_gap_us=%" PRIu64 "\narrival_gap_us=%" PRIu64 "\n",
           state_name(info->state), info->nr_vcpus, info->cap, info->has_emulator, info->logdirty, info->emulator_logdirty,
           info->suspend_asked, info->paused, info->cpu_ns, info->max_pfns, info->nr_pfns, info->present_pages, info->superpages,
           info->hugepages, info->ticks, info->writes, info->errors, info->max_gap_us, info->arrival_gap_us);
    return 0;
}

static int create(int fd, const char *name, int argc, char **argv)
{
    struct simguest_config config;

    simhost_config_default(&config, name);
    for (int i = 0; i < argc; i++) {
        if (simhost_config_set(&config, argv[i])) {
            fprintf(stderr, "xlmig-simhost: create: what is `%s'?\n", argv[i]);
            return 2;
        }
    }
    char *json = simhost_config_write(&config);
    if (!json)
        return complain(name);
    struct sim_call call = { .op = SIM_CREATE, .arg = { SIM_CREATE_BOOT }, .in = json, .in_bytes = strlen(json) };
    int r = sim_call(fd, &call);
    free(json);
    if (r || sim_simple_call(fd, SIM_UNPAUSE, (uint32_t)call.value[0], 0))
        return complain(name);
    printf("%" PRIu64 "\n", call.value[0]);
    return 0;
}

static int print_config(int fd, uint32_t domid)
{
    char json[SIMHOST_CONFIG_MAX];
    struct sim_call call = { .op = SIM_CONFIG, .domid = domid, .out = json, .out_room = sizeof json };

    if (sim_call(fd, &call))
        return complain("config");
    printf("%.*s\n", (int)call.out_bytes, json);
    return 0;
}

static int check(int fd, uint32_t domid)
{
    struct sim_call call = { .op = SIM_CHECK, .domid = domid };

    if (sim_call(fd, &call))
        return complain("check");
    printf("%" PRIu64 " wrong pages\n", call.value[0]);
    return call.value[0] ? 1 : 0;
}

/* `name` may be the UUID of a guest that is no more. */
static int proof(int fd, const char *name, const char *moment)
{
    struct sim_domain_info info = { 0 };
    struct simguest_config by_uuid = { 0 };
    struct sim_proof p;
    char assignment[64];
    const struct timespec nap = { .tv_nsec = 10000000 };

    snprintf(assignment, sizeof assignment, "uuid=%.36s", name);
    if (simhost_xl_find(fd, name, &info)) {
        if (simhost_config_set(&by_uuid, assignment))
            return complain(name);
        memcpy(info.uuid, by_uuid.uuid, sizeof info.uuid);
    }
    struct sim_call call = {
        .op = SIM_PROOF, .arg = { strcmp(moment, "restored") == 0 ? SIM_WHEN_RESTORED : SIM_WHEN_SUSPENDED },
        .in = info.uuid, .in_bytes = sizeof info.uuid, .out = &p, .out_room = sizeof p,
    };
    for (unsigned tries = 0; sim_call(fd, &call); tries++) {
        if (errno != EAGAIN || tries == 100 * SIM_CALL_TIMEOUT_S)
            return complain(name);
        nanosleep(&nap, NULL);
    }
    printf("%016" PRIx64 "%016" PRIx64 " pages=%" PRIu64 " ticks=%" PRIu64 "\n", p.digest[1], p.digest[0], p.pages,
           p.ticks);
    return 0;
}

static int fault(int fd, uint32_t domid, const char *setting)
{
    struct sim_call call = { .op = SIM_FAULT, .domid = domid, .arg = { SIM_FAULT_DEAF, strcmp(setting, "deaf=1") == 0 } };

    if (strncmp(setting, "drivers=", 8) == 0) {
        call.arg[0] = SIM_FAULT_NO_DRIVERS;
        call.arg[1] = strcmp(setting, "drivers=0") == 0;
    } else if (strncmp(setting, "deaf=", 5) != 0) {
        fprintf(stderr, "xlmig-simhost: fault: what is `%s'?\n", setting);
        return 2;
    }
    return sim_call(fd, &call) ? complain("fault") : 0;
}

static int set_cap(int fd, uint32_t domid, const char *text)
{
    struct sim_call call = { .op = SIM_SCHED, .domid = domid, .arg = { 1 } };
    unsigned cap;
    int end = 0;

    if (sscanf(text, "%u%n", &cap, &end) != 1 || text[end]) {
        fprintf(stderr, "xlmig-simhost: cap: `%s' is no number\n", text);
        return 2;
    }
    call.arg[1] = cap;
    return sim_call(fd, &call) ? complain("cap") : 0;
}

static const struct {
    const char *name;
    uint32_t op;
} simple_verbs[] = {
    { "pause", SIM_PAUSE }, { "unpause", SIM_UNPAUSE }, { "resume", SIM_RESUME }, { "destroy", SIM_DESTROY },
};

/* Those that play xl and libxl. */
static const struct {
    const char *name;
    int (*run)(const char *dir, int argc, char **argv);
} xl_verbs[] = {
    { "suspend", simhost_xl_suspend },         { "save", simhost_xl_save },
    { "restore", simhost_xl_restore },         { "migrate", simhost_xl_migrate },
    { "migrate-receive", simhost_xl_receive },
};

static int of_guest(int fd, const char *verb, const char *name, int argc, char **argv)
{
    struct sim_domain_info info;

    if (strcmp(verb, "create") == 0)
        return create(fd, name, argc, argv);
    if (strcmp(verb, "proof") == 0 && argc == 1)
        return proof(fd, name, argv[0]);
    if (simhost_xl_find(fd, name, &info))
        return complain(name);
    if (strcmp(verb, "info") == 0)
        return print_info(&info);
    if (strcmp(verb, "config") == 0)
        return print_config(fd, info.domid);
    if (strcmp(verb, "check") == 0)
        return check(fd, info.domid);
    if (strcmp(verb, "fault") == 0 && argc == 1)
        return fault(fd, info.domid, argv[0]);
    if (strcmp(verb, "cap") == 0 && argc == 1)
        return set_cap(fd, info.domid, argv[0]);
    for (size_t i = 0; i < sizeof simple_verbs / sizeof simple_verbs[0]; i++)
        if (strcmp(verb, simple_verbs[i].name) == 0)
            return sim_simple_call(fd, simple_verbs[i].op, info.domid, 0) ? complain(name) : 0;
    fputs(help, stderr);
    return 2;
}

int main(int argc, char **argv)
{
    if (argc >= 2 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0)) {
        fputs(help, stdout);
        return 0;
    }
    if (argc < 3) {
        fputs(help, stderr);
        return 2;
    }
    const char *verb = argv[1], *dir = argv[2];
    if (strcmp(verb, "start") == 0)
        return start(dir, argc - 3, argv + 3);
    for (size_t i = 0; i < sizeof xl_verbs / sizeof xl_verbs[0]; i++)
        if (strcmp(verb, xl_verbs[i].name) == 0)
            return xl_verbs[i].run(dir, argc - 3, argv + 3);
    int fd = sim_connect(dir), rc = 2;
    if (fd < 0)
        return complain(dir);
    if (strcmp(verb, "list") == 0)
        rc = list(fd);
    else if (strcmp(verb, "stop") == 0)
        rc = sim_simple_call(fd, SIM_STOP, 0, 0) ? complain(dir) : 0;
    else if (argc > 3)
        rc = of_guest(fd, verb, argv[3], argc - 4, argv + 4);
    else
        fputs(help, stderr);
    close(fd);
    return rc;
}
