/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
/*
 * The lab guest's only program: PID 1 of an initramfs on Debian's cloud kernel.
 *
 * It is built to notice a bad migration by itself.  Every tick it rewrites a region of memory and checks what the tick
 * before wrote, checks a slice of memory that nobody writes, writes and reads back disk blocks, and prints one line:
 *
 *     tick N bad=B disk_bad=D cpus=C gap_ms=G free_kb=F t=SECONDS
 *
 * bad and disk_bad count errors since boot and must stay 0.  cpus is how many CPUs did work since the last tick.  gap_ms
 * is the longest time since the last tick during which the guest did not run, by its own wall clock, sampled every
 * SAMPLE_MS; across a migration that is the downtime.  free_kb is what its kernel has free.
 * A TCP server answers each line it gets with the same line and the present tick, so that a third machine can hold a
 * connection open across a migration.
 *
 * With lab.hotplug=1 a vCPU that it is given under way is put to work.
 *
 * Kernel command line: lab.dirty_mb and lab.static_mb (the two regions), lab.rate_ms (between ticks), lab.content (of the
 * region that nobody writes: random; text; mixed: a quarter zeros, half text, a quarter random), lab.rewrite (of each page
 * that is rewritten: words, two of them; pages, all of it), lab.ip (a /24), lab.disk (a device name).
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysinfo.h>
#include <time.h>
#include <unistd.h>

enum {
    PAGE_BYTES = 4096,
    PAGE_WORDS = PAGE_BYTES / 8,
    STATIC_SLICES = 16, /* the unwritten region is checked whole every 16 ticks */
    SAMPLE_MS = 20, /* every wake-up costs a millisecond under emulation */
    DISK_BLOCKS = 64,
    COUNTER_PORT = 7000,
    DEVICE_WAIT_MS = 10000,
    MAX_CPUS = 32,
};

static char cmdline[4096];
static _Atomic uint64_t ticks, errors, disk_errors;
static _Atomic long longest_gap_ms;
static _Atomic uint64_t cpu_worked[MAX_CPUS]; /* counted up on each CPU by a thread that stays there while it can */

static unsigned long free_kb(void)
{
    struct sysinfo info;

    return sysinfo(&info) == 0 ? info.freeram / 1024 * info.mem_unit : 0;
}

static long number_option(const char *name, long fallback)
{
    const char *at = strstr(cmdline, name);

    return at ? strtol(at + strlen(name), NULL, 10) : fallback;
}

static int text_option(const char *name, char *value, size_t size)
{
    const char *at = strstr(cmdline, name);
    size_t len = at ? strcspn(at + strlen(name), " \n") : 0;

    if (!len || len >= size)
        return -1;
    memcpy(value, at + strlen(name), len);
    value[len] = 0;
    return 0;
}

static double wall_clock(void)
{
    struct timespec now;

    clock_gettime(CLOCK_REALTIME, &now);
    return now.tv_sec + now.tv_nsec / 1e9;
}

static void sleep_ms(long ms)
{
    struct timespec time = { ms / 1000, ms % 1000 * 1000000 };

    nanosleep(&time, NULL);
}

/* Memory: a region rewritten and checked every tick, and one that is only ever checked. */

enum content { RANDOM, TEXT, MIXED };

static enum content content;
static int rewrites_whole_pages;

static uint64_t random_word(uint64_t page, uint64_t word)
{
    uint64_t x = (page * PAGE_WORDS + word + 1) * 0x9e3779b97f4a7c15u;

    return x ^ x >> 29;
}

/* Eight letters: as compressible as a log file. */
static uint64_t text_word(uint64_t page, uint64_t word)
{
    static const char words[16][9] = {
        "error at", " running", "migrate ", "network\n", "the page", " address", "0000:00:", "/var/log",
        " is not ", "request ", "response", "memory: ", "timeout\n", "  guest ", "Nov 21 1", "kernel: ",
    };
    uint64_t letters;

    memcpy(&letters, words[random_word(page, word) >> 60], sizeof letters);
    return letters;
}

static uint64_t static_word(uint64_t page, uint64_t word)
{
    enum content of_page = content;

    if (content == MIXED && page % 4 == 0)
        return 0;
    if (content == MIXED)
        of_page = page % 4 == 3 ? RANDOM : TEXT;
    return of_page == TEXT ? text_word(page, word) : random_word(page, word);
}

static uint64_t *map_pages(size_t nr_pages)
{
    uint64_t *pages = mmap(NULL, nr_pages * PAGE_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    if (pages == MAP_FAILED) {
        printf("LAB-GUEST: no memory for %zu pages\n", nr_pages);
        pause();
    }
    return pages;
}

static uint64_t *fill_static(size_t nr_pages)
{
    uint64_t *region = map_pages(nr_pages ? nr_pages : 1);

    for (size_t page = 0; page < nr_pages; page++)
        for (size_t word = 0; word < PAGE_WORDS; word++)
            region[page * PAGE_WORDS + word] = static_word(page, word);
    return region;
}

static uint64_t check_static(const uint64_t *region, size_t nr_pages, uint64_t tick)
{
    uint64_t bad = 0;

    for (size_t page = tick % STATIC_SLICES; page < nr_pages; page += STATIC_SLICES)
        for (size_t word = 0; word < PAGE_WORDS; word++)
            bad += region[page * PAGE_WORDS + word] != static_word(page, word);
    return bad;
}

/* Word 0 of each page is the tick that last wrote it; a second word moves through the page and names tick and page. The
 * others stay as they are, or are new with each tick, too. */
static uint64_t rewrite(volatile uint64_t *region, size_t nr_pages, uint64_t tick)
{
    uint64_t bad = 0, before = tick - 1;

    for (size_t page = 0; page < nr_pages; page++) {
        volatile uint64_t *words = region + page * PAGE_WORDS;

        bad += words[0] != before;
        if (before)
            bad += words[1 + before % (PAGE_WORDS - 1)] != (before ^ page << 32);
        for (size_t word = 0; rewrites_whole_pages && word < PAGE_WORDS; word++)
            words[word] = random_word(page ^ tick << 32, word);
        words[0] = tick;
        words[1 + tick % (PAGE_WORDS - 1)] = tick ^ (uint64_t)page << 32;
    }
    return bad;
}

/* Disk: direct I/O, one block a tick; the block just written and the one before it must read back. */

static int open_disk(void)
{
    char name[16], path[32];
    int fd;

    if (text_option("lab.disk=", name, sizeof name))
        return -1;
    snprintf(path, sizeof path, "/dev/%s", name);
    for (int waited_ms = 0; (fd = open(path, O_RDWR | O_DIRECT)) < 0; waited_ms += 20) {
        if (waited_ms >= DEVICE_WAIT_MS) {
            printf("LAB-GUEST: no disk %s: %s\n", path, strerror(errno));
            disk_errors++;
            return -1;
        }
        sleep_ms(20);
    }
    return fd;
}

static uint64_t check_disk(int fd, uint64_t tick)
{
    static uint64_t block[PAGE_WORDS] __attribute__((aligned(PAGE_BYTES)));
    uint64_t bad = 0;

    if (fd < 0)
        return 0;
    for (size_t word = 0; word < PAGE_WORDS; word++)
        block[word] = static_word(tick, word);
    if (pwrite(fd, block, PAGE_BYTES, tick % DISK_BLOCKS * PAGE_BYTES) != PAGE_BYTES)
        return 1;
    for (uint64_t written = tick > 1 ? tick - 1 : tick; written <= tick; written++) {
        memset(block, 0, PAGE_BYTES);
        if (pread(fd, block, PAGE_BYTES, written % DISK_BLOCKS * PAGE_BYTES) != PAGE_BYTES)
            bad++;
        for (size_t word = 0; word < PAGE_WORDS; word++)
            bad += block[word] != static_word(written, word);
    }
    return bad;
}

/* Network: a static address on eth0 and the line server. */

static int configure_interface(void)
{
    struct ifreq request = { .ifr_name = "eth0" };
    struct sockaddr_in *address = (struct sockaddr_in *)&request.ifr_addr;
    char ip[32];
    int fd = socket(AF_INET, SOCK_DGRAM, 0);

    if (fd < 0 || text_option("lab.ip=", ip, sizeof ip))
        return -1;
    for (int waited_ms = 0; ioctl(fd, SIOCGIFINDEX, &request); waited_ms += 20) {
        if (waited_ms >= DEVICE_WAIT_MS) {
            printf("LAB-GUEST: no eth0\n");
            return -1;
        }
        sleep_ms(20);
    }
    *address = (struct sockaddr_in){ .sin_family = AF_INET, .sin_addr.s_addr = inet_addr(ip) };
    ioctl(fd, SIOCSIFADDR, &request);
    address->sin_addr.s_addr = htonl(0xffffff00);
    ioctl(fd, SIOCSIFNETMASK, &request);
    ioctl(fd, SIOCGIFFLAGS, &request);
    request.ifr_flags |= IFF_UP;
    ioctl(fd, SIOCSIFFLAGS, &request);
    close(fd);
    return 0;
}

static void *answer_lines(void *argument)
{
    FILE *in = fdopen((int)(intptr_t)argument, "r+");
    char line[128];

    while (in && fgets(line, sizeof line, in)) {
        line[strcspn(line, "\n")] = 0;
        dprintf(fileno(in), "%s tick=%llu bad=%llu disk_bad=%llu\n", line, (unsigned long long)ticks,
                (unsigned long long)errors, (unsigned long long)disk_errors);
    }
    if (in)
        fclose(in);
    return NULL;
}

static void start(void *(*body)(void *), void *argument)
{
    pthread_t thread;

    if (!pthread_create(&thread, NULL, body, argument))
        pthread_detach(thread);
}

static void *serve(void *unused)
{
    struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons(COUNTER_PORT) };
    int listener = socket(AF_INET, SOCK_STREAM, 0), one = 1, client;

    (void)unused;
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (bind(listener, (struct sockaddr *)&address, sizeof address) || listen(listener, 16))
        return NULL;
    while ((client = accept(listener, NULL, NULL)) >= 0) {
        setsockopt(client, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
        start(answer_lines, (void *)(intptr_t)client);
    }
    return NULL;
}

static void *sample_clock(void *unused)
{
    double last = wall_clock(), now;

    (void)unused;
    for (;; last = now) {
        sleep_ms(SAMPLE_MS);
        now = wall_clock();
        long gap_ms = (long)((now - last) * 1000) - SAMPLE_MS, longest = longest_gap_ms;
        while (gap_ms > longest && !atomic_compare_exchange_weak(&longest_gap_ms, &longest, gap_ms))
            ;
    }
    return NULL;
}

/* CPUs: a thread bound to each shows that it still runs. */

static void *work_on_cpu(void *argument)
{
    size_t cpu = (size_t)(intptr_t)argument;
    cpu_set_t here;

    CPU_ZERO(&here);
    CPU_SET(cpu, &here);
    if (sched_setaffinity(0, sizeof here, &here))
        return NULL;
    for (;; sleep_ms(100)) {
        int at = sched_getcpu(); /* elsewhere, when its own was taken away */

        if (at >= 0 && at < MAX_CPUS)
            cpu_worked[at]++;
    }
}

/* The kernel leaves to udev to use a vCPU that came. */
static void *use_new_cpus(void *unused)
{
    char path[64], online;

    (void)unused;
    mkdir("/sys", 0755);
    mount("sysfs", "/sys", "sysfs", 0, NULL);
    for (;; sleep_ms(200))
        for (int cpu = 1; cpu < MAX_CPUS; cpu++) {
            snprintf(path, sizeof path, "/sys/devices/system/cpu/cpu%d/online", cpu);
            int fd = open(path, O_RDWR | O_CLOEXEC);
            if (fd >= 0 && pread(fd, &online, 1, 0) == 1 && online == '0' && pwrite(fd, "1", 1, 0) == 1)
                start(work_on_cpu, (void *)(intptr_t)cpu);
            close(fd);
        }
    return NULL;
}

static int count_working_cpus(void)
{
    static uint64_t seen[MAX_CPUS];
    int working = 0;

    for (size_t cpu = 0; cpu < MAX_CPUS; cpu++) {
        uint64_t now = cpu_worked[cpu];

        working += now != seen[cpu];
        seen[cpu] = now;
    }
    return working;
}

/* Start of day. */

static void load_modules(void)
{
    struct dirent **names = NULL;
    int nr_names = scandir("/modules", &names, NULL, alphasort);
    char path[512];

    for (int i = 0; i < nr_names; i++) {
        if (names[i]->d_name[0] == '.')
            continue;
        snprintf(path, sizeof path, "/modules/%s", names[i]->d_name);
        int fd = open(path, O_RDONLY | O_CLOEXEC);
        if (fd < 0 || (syscall(SYS_finit_module, fd, "", 0) && errno != EEXIST))
            printf("LAB-GUEST: module %s: %s\n", path, strerror(errno));
        close(fd);
    }
}

static void read_content_options(void)
{
    char name[16];

    if (!text_option("lab.content=", name, sizeof name))
        content = !strcmp(name, "mixed") ? MIXED : !strcmp(name, "text") ? TEXT : RANDOM;
    rewrites_whole_pages = !text_option("lab.rewrite=", name, sizeof name) && !strcmp(name, "pages");
}

static void set_up(void)
{
    int fd;

    mkdir("/proc", 0755);
    mkdir("/dev", 0755);
    mount("proc", "/proc", "proc", 0, NULL);
    mount("devtmpfs", "/dev", "devtmpfs", 0, NULL);
    fd = open("/dev/console", O_RDWR);
    for (int i = 0; i < 3 && fd >= 0; i++)
        dup2(fd, i);
    setvbuf(stdout, NULL, _IOLBF, 0);
    fd = open("/proc/cmdline", O_RDONLY | O_CLOEXEC);
    if (fd >= 0 && read(fd, cmdline, sizeof cmdline - 1) < 0)
        printf("LAB-GUEST: no command line\n");
    close(fd);
}

int main(int argc, char **argv)
{
    const char *self = strrchr(argv[0], '/') ? strrchr(argv[0], '/') + 1 : argv[0];

    (void)argc;
    if (!strcmp(self, "poweroff"))
        return reboot(RB_POWER_OFF);
    if (!strcmp(self, "reboot"))
        return reboot(RB_AUTOBOOT);

    set_up();
    load_modules();
    if (!configure_interface())
        start(serve, NULL);
    int disk = open_disk();
    read_content_options();
    size_t nr_dirty = (size_t)number_option("lab.dirty_mb=", 16) << 8;
    size_t nr_static = (size_t)number_option("lab.static_mb=", 16) << 8;
    long rate_ms = number_option("lab.rate_ms=", 200);
    uint64_t *dirty = map_pages(nr_dirty ? nr_dirty : 1), *fixed = fill_static(nr_static);

    printf("LAB-GUEST: up, %zu pages rewritten, %zu only checked\n", nr_dirty, nr_static);
    start(sample_clock, NULL);
    for (long cpu = 0; cpu < sysconf(_SC_NPROCESSORS_ONLN) && cpu < MAX_CPUS; cpu++)
        start(work_on_cpu, (void *)(intptr_t)cpu);
    if (number_option("lab.hotplug=", 0))
        start(use_new_cpus, NULL);
    for (uint64_t tick = 1;; tick++) {
        errors += rewrite(dirty, nr_dirty, tick) + check_static(fixed, nr_static, tick);
        disk_errors += check_disk(disk, tick);
        ticks = tick;
        sleep_ms(rate_ms);
        printf("tick %llu bad=%llu disk_bad=%llu cpus=%d gap_ms=%ld free_kb=%lu t=%.3f\n", (unsigned long long)tick,
               (unsigned long long)errors, (unsigned long long)disk_errors, count_working_cpus(),
               atomic_exchange(&longest_gap_ms, 0), free_kb(), wall_clock());
    }
}
