/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
#include "tests/xlmig/handover/disk-shim.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FDS 256
#define NODES_MAX 1024

/* What there is, by place; ids are never used again. */
struct node {
    unsigned dir, id;
    char name[DISK_NAME_MAX];
    bool is_dir;
};

static struct {
    bool on;
    char root[512];
    struct disk_log log;
    struct node nodes[NODES_MAX];
    size_t nr_nodes;
    unsigned last_id;
    unsigned of_fd[FDS];        /* id of what is open there; 0: nothing of ours */
    bool is_dir[FDS];
    unsigned calls, fail_at;
    int error;
    bool fail_all, full;
    size_t write_max;
} shim;

int __real_open(const char *path, int flags, ...);
int __real_openat(int dir_fd, const char *name, int flags, ...);
int __real_close(int fd);
ssize_t __real_write(int fd, const void *bytes, size_t len);
int __real_fsync(int fd);
int __real_fdatasync(int fd);
int __real_rename(const char *from, const char *to);
int __real_renameat(int from_fd, const char *from, int to_fd, const char *to);
int __real_unlink(const char *path);
int __real_unlinkat(int dir_fd, const char *name, int flags);
int __real_mkdir(const char *path, mode_t mode);

int __wrap_open(const char *path, int flags, ...);
int __wrap_openat(int dir_fd, const char *name, int flags, ...);
int __wrap_close(int fd);
ssize_t __wrap_write(int fd, const void *bytes, size_t len);
int __wrap_fsync(int fd);
int __wrap_fdatasync(int fd);
int __wrap_rename(const char *from, const char *to);
int __wrap_renameat(int from_fd, const char *from, int to_fd, const char *to);
int __wrap_unlink(const char *path);
int __wrap_unlinkat(int dir_fd, const char *name, int flags);
int __wrap_mkdir(const char *path, mode_t mode);

/* ---- what a test asks for ---- */

void disk_begin(const char *root)
{
    for (size_t i = 0; i < shim.log.nr_ops; i++)
        free(shim.log.ops[i].bytes);
    memset(&shim, 0, sizeof shim);
    snprintf(shim.root, sizeof shim.root, "%s", root);
    shim.last_id = DISK_ROOT;
    shim.on = true;
}

void disk_end(void)
{
    shim.on = false;
}

const struct disk_log *disk_log(void)
{
    return &shim.log;
}

void disk_fail_at(unsigned nth, int error, bool all)
{
    shim.calls = 0;
    shim.fail_at = nth;
    shim.error = error;
    shim.fail_all = all;
}

void disk_is_full(bool full)
{
    shim.full = full;
}

void disk_write_at_most(size_t len)
{
    shim.write_max = len;
}

/* ---- recording ---- */

static struct disk_op *record(enum disk_kind kind, unsigned dir, const char *name, unsigned id)
{
    struct disk_op *op = &shim.log.ops[shim.log.nr_ops];

    if (shim.log.nr_ops == DISK_OPS_MAX)
        abort();
    shim.log.nr_ops++;
    *op = (struct disk_op){ .kind = kind, .dir = dir, .id = id };
    snprintf(op->name, sizeof op->name, "%s", name);
    return op;
}

void disk_mark(unsigned id)
{
    record(DISK_MARK, 0, "", id);
}

/* Must this changing call fail? */
static bool fails(void)
{
    if (!shim.on)
        return false;
    shim.calls++;
    if (!shim.fail_at || shim.calls < shim.fail_at || (shim.calls > shim.fail_at && !shim.fail_all))
        return false;
    errno = shim.error;
    return true;
}

/* ---- places ---- */

static struct node *find(unsigned dir, const char *name)
{
    for (size_t i = 0; i < shim.nr_nodes; i++)
        if (shim.nodes[i].dir == dir && strcmp(shim.nodes[i].name, name) == 0)
            return &shim.nodes[i];
    return NULL;
}

static struct node *add(unsigned dir, const char *name, unsigned id, bool is_dir)
{
    struct node *node = find(dir, name);

    if (!node && shim.nr_nodes == NODES_MAX)
        abort();
    if (!node)
        node = &shim.nodes[shim.nr_nodes++];
    *node = (struct node){ .dir = dir, .id = id, .is_dir = is_dir };
    snprintf(node->name, sizeof node->name, "%s", name);
    return node;
}

static void forget(unsigned dir, const char *name)
{
    struct node *node = find(dir, name);

    if (node)
        *node = shim.nodes[--shim.nr_nodes];
}

/* The directory in which `path` is, 0: none of ours; *last is its last part, "." the root itself. */
static unsigned place_of(const char *path, const char **last)
{
    size_t len = strlen(shim.root);
    unsigned dir = DISK_ROOT;

    if (!shim.on || strncmp(path, shim.root, len) != 0 || (path[len] != '/' && path[len] != '\0'))
        return 0;
    *last = path[len] ? path + len + 1 : ".";
    for (const char *slash; (slash = strchr(*last, '/')); *last = slash + 1) {
        char part[DISK_NAME_MAX];
        struct node *node;

        snprintf(part, sizeof part, "%.*s", (int)(slash - *last), *last);
        node = find(dir, part);
        if (!node || !node->is_dir)
            return 0;
        dir = node->id;
    }
    return dir;
}

static unsigned dir_of_fd(int fd)
{
    return shim.on && fd >= 0 && fd < FDS && shim.is_dir[fd] ? shim.of_fd[fd] : 0;
}

/* `fd` was opened there. */
static void opened(int fd, unsigned dir, const char *name, int flags)
{
    struct node *node = find(dir, name);
    bool itself = strcmp(name, ".") == 0;

    if (fd < 0 || fd >= FDS || !dir)
        return;
    if (!node && !itself && (flags & O_CREAT)) {
        node = add(dir, name, ++shim.last_id, false);
        record(DISK_CREATE, dir, name, node->id);
    }
    shim.of_fd[fd] = itself ? dir : node ? node->id : 0;
    shim.is_dir[fd] = itself || (node && node->is_dir);
}

/* ---- the calls ---- */

static bool fails_to_create(unsigned dir, const char *name, int flags)
{
    if (!dir || !(flags & O_CREAT) || find(dir, name))
        return false;
    if (fails())
        return true;
    errno = ENOSPC;
    return shim.full;
}

int __wrap_open(const char *path, int flags, ...)
{
    const char *last = "";
    unsigned dir = place_of(path, &last);
    va_list args;
    int fd;

    va_start(args, flags);
    if (fails_to_create(dir, last, flags))
        fd = -1;
    else
        fd = __real_open(path, flags, flags & O_CREAT ? va_arg(args, int) : 0);
    va_end(args);
    opened(fd, dir, last, flags);
    return fd;
}

int __wrap_openat(int dir_fd, const char *name, int flags, ...)
{
    unsigned dir = dir_of_fd(dir_fd);
    va_list args;
    int fd;

    va_start(args, flags);
    if (fails_to_create(dir, name, flags))
        fd = -1;
    else
        fd = __real_openat(dir_fd, name, flags, flags & O_CREAT ? va_arg(args, int) : 0);
    va_end(args);
    opened(fd, dir, name, flags);
    return fd;
}

int __wrap_close(int fd)
{
    if (fd >= 0 && fd < FDS) {
        shim.of_fd[fd] = 0;
        shim.is_dir[fd] = false;
    }
    return __real_close(fd);
}

ssize_t __wrap_write(int fd, const void *bytes, size_t len)
{
    unsigned id = shim.on && fd >= 0 && fd < FDS && !shim.is_dir[fd] ? shim.of_fd[fd] : 0;
    ssize_t n;

    if (!id)
        return __real_write(fd, bytes, len);
    if (fails())
        return -1;
    n = __real_write(fd, bytes, shim.write_max && len > shim.write_max ? shim.write_max : len);
    if (n > 0) {
        struct disk_op *op = record(DISK_WRITE, 0, "", id);

        op->bytes = malloc((size_t)n);
        memcpy(op->bytes, bytes, (size_t)n);
        op->len = (size_t)n;
    }
    return n;
}

/* Of ours, it is only noted: nobody will cut this machine's power. */
static int sync_with(int fd, int (*real)(int))
{
    if (!shim.on || fd < 0 || fd >= FDS || !shim.of_fd[fd])
        return real(fd);
    if (fails())
        return -1;
    record(shim.is_dir[fd] ? DISK_SYNC_DIR : DISK_SYNC_FILE, 0, "", shim.of_fd[fd]);
    return 0;
}

int __wrap_fsync(int fd)
{
    return sync_with(fd, __real_fsync);
}

int __wrap_fdatasync(int fd)
{
    return sync_with(fd, __real_fdatasync);
}

static void renamed(unsigned dir, const char *from, const char *to)
{
    struct node *node = find(dir, from);
    unsigned id = node ? node->id : 0;

    if (!id)
        abort(); /* something came to be that was not recorded */
    snprintf(record(DISK_RENAME, dir, from, id)->to, DISK_NAME_MAX, "%s", to);
    forget(dir, from);
    add(dir, to, id, false);
}

int __wrap_renameat(int from_fd, const char *from, int to_fd, const char *to)
{
    unsigned dir = dir_of_fd(from_fd);
    int r;

    if (dir && fails())
        return -1;
    if (dir && dir != dir_of_fd(to_fd))
        abort(); /* this shim knows one directory at a time */
    r = __real_renameat(from_fd, from, to_fd, to);
    if (dir && r == 0)
        renamed(dir, from, to);
    return r;
}

int __wrap_rename(const char *from, const char *to)
{
    const char *last_from = "", *last_to = "";
    unsigned dir = place_of(from, &last_from);
    int r;

    if (dir && fails())
        return -1;
    if (dir && dir != place_of(to, &last_to))
        abort(); /* as above */
    r = __real_rename(from, to);
    if (dir && r == 0)
        renamed(dir, last_from, last_to);
    return r;
}

static int unlinked(int r, unsigned dir, const char *name)
{
    if (r == 0 && dir) {
        record(DISK_UNLINK, dir, name, 0);
        forget(dir, name);
    }
    return r;
}

/* One that finds nothing changes nothing. */
int __wrap_unlinkat(int dir_fd, const char *name, int flags)
{
    unsigned dir = dir_of_fd(dir_fd);

    if (dir && find(dir, name) && fails())
        return -1;
    return unlinked(__real_unlinkat(dir_fd, name, flags), dir, name);
}

int __wrap_unlink(const char *path)
{
    const char *last = "";
    unsigned dir = place_of(path, &last);

    if (dir && find(dir, last) && fails())
        return -1;
    return unlinked(__real_unlink(path), dir, last);
}

int __wrap_mkdir(const char *path, mode_t mode)
{
    const char *last = "";
    unsigned dir = place_of(path, &last);
    int r;

    if (dir && !find(dir, last) && fails())
        return -1;
    r = __real_mkdir(path, mode);
    if (r == 0 && dir)
        record(DISK_MKDIR, dir, last, add(dir, last, ++shim.last_id, true)->id);
    return r;
}
