/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
#include "config.h"
#include "xlmig/toolstack/device-check.h"

#include "xlmig/base/bounded-call.h"
#include "xlmig/base/text.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <netdb.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#define PATH_ROOM 4096
#define IF_NAME_MAX 15u /* IFNAMSIZ, without its NUL */
#define IGNORE "go on all the same with --ignore-devices"

/* For one file; and for each once one did not answer, since they may all be on the same server. */
#define PROBE_MS 10000u
#define PROBE_SHORT_MS 500u

static bool is_empty(const char *text)
{
    return !text || !*text;
}

/* ---- looking at files, which may hang ---- */

struct question {
    char path[PATH_ROOM];
    enum { LOOK, OPEN_TO_READ, OPEN_TO_WRITE } how;
};

/* What a file is; the rest only where it was opened. */
struct probe {
    int error;          /* 0, or an errno */
    mode_t mode;
    bool executable;
    bool sized;
    uint64_t bytes;
    char start[8];      /* what it begins with */
};
_Static_assert(sizeof(struct probe) <= BOUNDED_ANSWER_MAX, "fits the answer");

static void read_data(int fd, struct probe *probe, off_t file_bytes)
{
    probe->sized = true;
    probe->bytes = (uint64_t)file_bytes;
    if (S_ISBLK(probe->mode))
        probe->sized = ioctl(fd, BLKGETSIZE64, &probe->bytes) == 0;
    if (pread(fd, probe->start, sizeof probe->start, 0) < 0)
        probe->start[0] = '\0';
}

/* Opens a block device or a plain file, and nothing else. */
static void look(const void *asked, void *answer)
{
    const struct question *question = asked;
    struct probe *probe = answer;
    struct stat found;
    char self[48];
    int place = open(question->path, O_PATH | O_CLOEXEC), fd;

    if (place < 0 || fstat(place, &found) < 0) {
        probe->error = errno;
        return;
    }
    probe->mode = found.st_mode;
    probe->executable = access(question->path, X_OK) == 0;
    if (question->how == LOOK)
        return;
    if (!S_ISBLK(found.st_mode) && !S_ISREG(found.st_mode)) {
        probe->error = EINVAL;
        return;
    }
    snprintf(self, sizeof self, "/proc/self/fd/%d", place); /* what was looked at is what is opened */
    fd = open(self, (question->how == OPEN_TO_WRITE ? O_RDWR : O_RDONLY) | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        probe->error = errno;
    else
        read_data(fd, probe, found.st_size);
}

/* -1, with errno. */
static int probe_file(const char *root, const char *path, int how, unsigned timeout_ms, struct probe *probe)
{
    struct question question;

    question.how = how;
    if (snprintf(question.path, sizeof question.path, "%s%s", root, path) >= PATH_ROOM) {
        errno = ENAMETOOLONG;
        return -1;
    }
    if (bounded_call(look, &question, probe, sizeof *probe, timeout_ms) < 0)
        return -1;
    errno = probe->error;
    return probe->error ? -1 : 0;
}

static int ask_file(struct device_checker *checker, const char *path, int how, struct probe *out)
{
    int rc = probe_file(checker->root, path, how, checker->slow ? PROBE_SHORT_MS : PROBE_MS, out);

    checker->slow |= rc < 0 && errno == ETIMEDOUT;
    return rc;
}

static const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');

    return slash ? slash + 1 : path;
}

/* A hotplug script, as libxl finds it. */
static bool script_is_there(struct device_checker *checker, const char *subject, const char *script)
{
    char path[PATH_ROOM];
    struct probe found;
    int error = 0;

    if (script[0] != '/' && ask_file(checker, checker->script_dir, LOOK, &found) < 0)
        return true; /* a toolstack that was built with another folder */
    if (snprintf(path, sizeof path, "%s%s%s", script[0] == '/' ? "" : checker->script_dir,
                 script[0] == '/' ? "" : "/", script) >= PATH_ROOM)
        error = ENAMETOOLONG;
    else if (ask_file(checker, path, LOOK, &found) < 0)
        error = errno;
    else if (!S_ISREG(found.mode) || !found.executable)
        error = EACCES;
    if (error)
        check_remedy(check_add(checker->list, CHECK_REFUSED, subject, "its hotplug script %s cannot be run on %s: %s",
                               path, checker->host, strerror(error)),
                     "Put the script there, executable, or " IGNORE);
    return error == 0;
}

/* ---- disks ---- */

static bool is_of_format(const struct probe *found, enum disk_format format)
{
    static const char *const magics[] = { [DISK_QCOW2] = "QFI\373", [DISK_VHD] = "conectix", [DISK_QED] = "QED" };
    static const size_t lengths[] = { [DISK_QCOW2] = 4, [DISK_VHD] = 8, [DISK_QED] = 4 }; /* QED's has its NUL */

    return format == DISK_RAW || format == DISK_OTHER || memcmp(found->start, magics[format], lengths[format]) == 0;
}

static const char *format_name(enum disk_format format)
{
    static const char *const names[] = { [DISK_RAW] = "raw", [DISK_QCOW2] = "qcow2", [DISK_VHD] = "vhd",
                                         [DISK_QED] = "qed", [DISK_OTHER] = "of another format" };

    return names[format];
}

/* A disk that can be opened: is it what the VM thinks it is? */
static void check_content(const struct device_checker *checker, const char *subject, const struct disk_facts *disk,
                          const struct probe *found)
{
    char size[32] = "of unknown size", wanted[32];

    if (found->sized)
        format_bytes((double)found->bytes, size, sizeof size);
    if (disk->block_only && !S_ISBLK(found->mode))
        check_remedy(check_add(checker->list, CHECK_REFUSED, subject, "%s is no block device on %s, and the VM's disk is "
                               "one", disk->path, checker->host),
                     "Make the same disk reachable there, or " IGNORE);
    else if (!is_of_format(found, disk->format))
        check_remedy(check_add(checker->list, CHECK_REFUSED, subject, "%s on %s is not %s", disk->path, checker->host,
                               format_name(disk->format)),
                     "Make the same disk reachable there, or " IGNORE);
    else if (disk->has_size && found->sized && disk->bytes != found->bytes)
        check_remedy(check_add(checker->list, CHECK_REFUSED, subject,
                               "%s is another disk on %s: %llu bytes (%s), where the VM's has %llu (%s)", disk->path,
                               checker->host, (unsigned long long)found->bytes, size, (unsigned long long)disk->bytes,
                               format_bytes((double)disk->bytes, wanted, sizeof wanted)),
                     "Make the same disk reachable there, or " IGNORE);
    else
        check_add(checker->list, CHECK_OK, subject, "%s can be opened for %s on %s: %s, %s", disk->path,
                  disk->writable ? "writing" : "reading", checker->host, S_ISBLK(found->mode) ? "block device" : "file",
                  size);
}

static const char *open_error(int error)
{
    return error == EINVAL      ? "it is neither a block device nor a plain file"
           : error == ETIMEDOUT ? "what it is on does not answer"
                                : strerror(error);
}

static void check_path(struct device_checker *checker, const char *subject, const struct disk_facts *disk)
{
    struct probe found;

    if (ask_file(checker, disk->path, disk->writable ? OPEN_TO_WRITE : OPEN_TO_READ, &found) == 0)
        check_content(checker, subject, disk, &found);
    else if (errno == ENOENT || errno == ENOTDIR)
        check_remedy(check_add(checker->list, CHECK_REFUSED, subject, "%s is not on %s", disk->path, checker->host),
                     "Make it reachable there under this name, or " IGNORE);
    else
        check_remedy(check_add(checker->list, CHECK_REFUSED, subject, "%s cannot be opened for %s on %s: %s", disk->path,
                               disk->writable ? "writing" : "reading", checker->host, open_error(errno)),
                     "Mend that there, or " IGNORE);
}

/* Then its "path" is whatever the script makes of it. */
static bool has_own_script(const struct disk_facts *disk)
{
    return disk->script && strcmp(base_name(disk->script), "block") != 0;
}

void device_check_disk(struct device_checker *checker, const struct disk_facts *disk)
{
    const char *script = disk->script ? disk->script : disk->block_only ? "block" : NULL;
    char subject[CHECK_SUBJECT_MAX];

    snprintf(subject, sizeof subject, "disk %s", disk->name ? disk->name : "?");
    if (disk->backend)
        check_add(checker->list, CHECK_UNKNOWN, subject, "the driver domain %s provides it, and cannot be asked",
                  disk->backend);
    else if (is_empty(disk->path))
        check_add(checker->list, CHECK_OK, subject, "an empty drive");
    else if (script && !script_is_there(checker, subject, script))
        return;
    else if (has_own_script(disk))
        check_add(checker->list, CHECK_UNKNOWN, subject, "its script %s makes it out of %s, and cannot be asked whether it can",
                  base_name(script), disk->path);
    else if (disk->path[0] != '/')
        check_add(checker->list, CHECK_UNKNOWN, subject, "%s is no file's path: QEMU makes a disk out of it, and cannot be "
                  "asked whether it can", disk->path);
    else
        check_path(checker, subject, disk);
}

int device_disk_size(const char *root, const struct disk_facts *disk, uint64_t *bytes)
{
    struct probe found;

    if (disk->backend || is_empty(disk->path) || disk->path[0] != '/' || has_own_script(disk) ||
        disk->format != DISK_RAW || probe_file(root, disk->path, OPEN_TO_READ, PROBE_MS, &found) < 0 || !found.sized)
        return -1;
    *bytes = found.bytes;
    return 0;
}

/* ---- network ---- */

/* The name of a network interface, which becomes part of a path. */
static bool is_interface_name(const char *name, size_t len)
{
    return len > 0 && len <= IF_NAME_MAX && !memchr(name, '/', len) && name[0] != '.';
}

static void check_bridge(struct device_checker *checker, const char *subject, const char *bridge, bool openvswitch)
{
    /* Open vSwitch: with a VLAN tag and trunks, "ovsbr0.5:6:7" */
    int len = (int)(openvswitch ? strcspn(bridge, ".:") : strlen(bridge));
    char path[80];
    struct probe found;

    snprintf(path, sizeof path, "/sys/class/net/%.15s%s", bridge, openvswitch ? "" : "/bridge");
    if (openvswitch && (unsigned)len <= IF_NAME_MAX)
        snprintf(path, sizeof path, "/sys/class/net/%.*s", len, bridge);
    if (is_interface_name(bridge, (size_t)len) && ask_file(checker, path, LOOK, &found) == 0)
        check_add(checker->list, CHECK_OK, subject, "the bridge %.*s is on %s", len, bridge, checker->host);
    else
        check_remedy(check_add(checker->list, CHECK_REFUSED, subject, "there is no bridge %.*s on %s", len, bridge,
                               checker->host),
                     "Make a bridge of that name there, which leads to the same network, or " IGNORE);
}

void device_check_nic(struct device_checker *checker, const struct nic_facts *nic)
{
    const char *script = is_empty(nic->script) ? "vif-bridge" : nic->script, *kind = base_name(script);
    bool openvswitch = strcmp(kind, "vif-openvswitch") == 0;
    char subject[CHECK_SUBJECT_MAX];

    snprintf(subject, sizeof subject, "network %u", nic->number);
    if (nic->backend)
        check_add(checker->list, CHECK_UNKNOWN, subject, "the driver domain %s provides it, and cannot be asked",
                  nic->backend);
    else if (!script_is_there(checker, subject, script))
        return;
    else if (!openvswitch && strcmp(kind, "vif-bridge") != 0)
        check_add(checker->list, CHECK_UNKNOWN, subject, "its script %s is on %s, and cannot be asked what else it needs",
                  kind, checker->host);
    else if (is_empty(nic->bridge))
        check_add(checker->list, CHECK_UNKNOWN, subject, "its script %s chooses the bridge", kind);
    else
        check_bridge(checker, subject, nic->bridge, openvswitch);
}

/* ---- screens ---- */

/* As QEMU will do it, but for listening.  0, or an errno; EINVAL: the address is a name, which may be slow to look up. */
static int try_to_bind(const struct vm_screen *screen)
{
    struct addrinfo hints = { .ai_flags = AI_PASSIVE | AI_NUMERICHOST | AI_NUMERICSERV, .ai_socktype = SOCK_STREAM };
    struct addrinfo *found;
    char port[8];
    int error = 0, fd, on = 1;

    snprintf(port, sizeof port, "%u", screen->port);
    if (getaddrinfo(screen->address[0] ? screen->address : NULL, port, &hints, &found) != 0)
        return EINVAL;
    fd = socket(found->ai_family, found->ai_socktype | SOCK_CLOEXEC, found->ai_protocol);
    if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) < 0 ||
        bind(fd, found->ai_addr, found->ai_addrlen) < 0)
        error = errno;
    if (fd >= 0)
        close(fd);
    freeaddrinfo(found);
    return error;
}

void device_check_screen(struct device_checker *checker, const struct vm_screen *screen)
{
    int error = try_to_bind(screen);
    char subject[CHECK_SUBJECT_MAX];

    snprintf(subject, sizeof subject, "screen %u", screen->port);
    if (error == EINVAL)
        check_add(checker->list, CHECK_UNKNOWN, subject, "whether %s is an address of %s is not known", screen->address,
                  checker->host);
    else if (error == EADDRINUSE)
        check_remedy(check_add(checker->list, CHECK_REFUSED, subject, "port %u of %s, which its %s screen has, is taken",
                               screen->port, checker->host, screen->kind),
                     "Free the port there, or let QEMU choose one (vncunused=1), or " IGNORE);
    else if (error)
        check_remedy(check_add(checker->list, CHECK_REFUSED, subject, "its %s screen cannot be at %s, port %u of %s: %s",
                               screen->kind, screen->address, screen->port, checker->host, strerror(error)),
                     "Start it with a screen at an address that both hosts have (0.0.0.0), or " IGNORE);
    else
        check_add(checker->list, CHECK_OK, subject, "port %u of %s is free for its %s screen", screen->port, checker->host,
                  screen->kind);
}

/* ---- what it starts from ---- */

void device_check_boot_file(struct device_checker *checker, const char *what, const char *path)
{
    struct probe found;

    if (is_empty(path) || path[0] != '/')
        return;
    if (ask_file(checker, path, LOOK, &found) == 0)
        check_add(checker->list, CHECK_OK, what, "%s is on %s", path, checker->host);
    else
        check_remedy(check_add(checker->list, CHECK_WARNING, what, "%s is not on %s: the VM can go there, but cannot "
                               "start anew there, as for a reboot", path, checker->host),
                     "Put the file there, under this name");
}
