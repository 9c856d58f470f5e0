/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
#include "tests/xlmig/handover/disk-model.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define ENTRIES_MAX 64
#define PENDING_MAX 10
#define FILES_MAX 512
#define FILE_BYTES_MAX 16384
#define RUBBISH_RARER 8 /* than an early end; everywhere would only take longer */

struct names {
    const struct disk_op *entries[ENTRIES_MAX]; /* what made each: dir, id; the name is beside it */
    const char *name[ENTRIES_MAX];
    size_t nr;
};

struct file {
    char bytes[FILE_BYTES_MAX];
    size_t len, synced;
};

static struct file files[FILES_MAX]; /* by id */

/* How the one file that is not synced is found. */
struct tear {
    unsigned id;    /* 0: none is torn */
    size_t keep;
    int fill;       /* -1: it ends there */
};

/* ---- names ---- */

static void drop(struct names *names, unsigned dir, const char *name)
{
    for (size_t i = 0; i < names->nr; i++)
        if (names->entries[i]->dir == dir && strcmp(names->name[i], name) == 0) {
            names->nr--;
            names->entries[i] = names->entries[names->nr];
            names->name[i] = names->name[names->nr];
            return;
        }
}

static void apply(struct names *names, const struct disk_op *op)
{
    const char *made = op->kind == DISK_RENAME ? op->to : op->name;

    drop(names, op->dir, op->name);
    if (op->kind == DISK_UNLINK)
        return;
    drop(names, op->dir, made);
    if (names->nr == ENTRIES_MAX)
        abort();
    names->entries[names->nr] = op;
    names->name[names->nr++] = made;
}

/* The path of a directory in `names`; false: it is not there. */
static bool path_of(const struct names *names, unsigned dir, const char *root, char *path, size_t size)
{
    char above[512];

    if (dir == DISK_ROOT)
        return snprintf(path, size, "%s", root) > 0;
    for (size_t i = 0; i < names->nr; i++)
        if (names->entries[i]->kind == DISK_MKDIR && names->entries[i]->id == dir)
            return path_of(names, names->entries[i]->dir, root, above, sizeof above) &&
                   snprintf(path, size, "%s/%s", above, names->name[i]) < (int)size;
    return false;
}

/* ---- a state, made ---- */

void disk_remove(const char *root)
{
    DIR *d = opendir(root);
    struct dirent *entry;
    char path[1024];

    while (d && (entry = readdir(d))) {
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        snprintf(path, sizeof path, "%s/%s", root, entry->d_name);
        if (unlink(path) < 0)
            disk_remove(path);
    }
    if (d)
        closedir(d);
    rmdir(root);
}

static void make_file(const char *path, const struct file *file, const struct tear *tear)
{
    char bytes[FILE_BYTES_MAX];
    size_t len = file->len;
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

    memcpy(bytes, file->bytes, len);
    if (tear && tear->fill < 0)
        len = tear->keep;
    else if (tear)
        memset(bytes + tear->keep, tear->fill, len - tear->keep);
    if (fd < 0 || write(fd, bytes, len) != (ssize_t)len)
        abort();
    close(fd);
}

/* Directories first: they may have been made in any order. */
static void make_state(const struct names *names, const struct tear *tear, const char *root)
{
    char dir[512], path[640];

    disk_remove(root);
    if (mkdir(root, 0700) < 0)
        abort();
    for (int deep = 0; deep < 3; deep++)
        for (size_t i = 0; i < names->nr; i++)
            if (names->entries[i]->kind == DISK_MKDIR &&
                path_of(names, names->entries[i]->dir, root, dir, sizeof dir)) {
                snprintf(path, sizeof path, "%s/%s", dir, names->name[i]);
                mkdir(path, 0700);
            }
    for (size_t i = 0; i < names->nr; i++) {
        unsigned id = names->entries[i]->id;

        if (names->entries[i]->kind == DISK_MKDIR || !path_of(names, names->entries[i]->dir, root, dir, sizeof dir))
            continue;
        snprintf(path, sizeof path, "%s/%s", dir, names->name[i]);
        make_file(path, &files[id], id == tear->id ? tear : NULL);
    }
}

/* ---- all states ---- */

struct crash {
    struct names durable;
    const struct disk_op *pending[PENDING_MAX];
    size_t nr_pending;
    size_t every;
    const char *root;
    disk_look *look;
    void *user;
    unsigned nr_states;
};

static void show(struct crash *c, const struct names *names, struct tear tear)
{
    make_state(names, &tear, c->root);
    c->look(c->user, c->root);
    c->nr_states++;
}

/* Each file that is not synced, torn everywhere. */
static void show_torn(struct crash *c, const struct names *names)
{
    static const int rubbish[] = { 0, 0xa5 };

    show(c, names, (struct tear){ 0 });
    for (size_t i = 0; i < names->nr; i++) {
        unsigned id = names->entries[i]->id;

        if (names->entries[i]->kind == DISK_MKDIR)
            continue;
        for (size_t keep = files[id].synced; keep < files[id].len; keep += c->every)
            show(c, names, (struct tear){ id, keep, -1 });
        for (size_t r = 0; r < 2; r++)
            for (size_t keep = files[id].synced; keep < files[id].len; keep += RUBBISH_RARER * c->every)
                show(c, names, (struct tear){ id, keep, rubbish[r] });
    }
}

static void sync_names(struct crash *c, unsigned dir)
{
    size_t kept = 0;

    for (size_t i = 0; i < c->nr_pending; i++)
        if (c->pending[i]->dir == dir)
            apply(&c->durable, c->pending[i]);
        else
            c->pending[kept++] = c->pending[i];
    c->nr_pending = kept;
}

static void replay(struct crash *c, const struct disk_log *log, size_t nr_ops, disk_forgets *forgets)
{
    for (unsigned id = 0; id < FILES_MAX; id++)
        files[id].len = files[id].synced = 0;
    for (size_t i = 0; i < nr_ops; i++) {
        const struct disk_op *op = &log->ops[i];
        struct file *file = &files[op->id % FILES_MAX];

        if (forgets && forgets(op))
            continue;
        switch (op->kind) {
        case DISK_MARK:
            break;
        case DISK_WRITE:
            if (op->id >= FILES_MAX || file->len + op->len > FILE_BYTES_MAX)
                abort();
            memcpy(file->bytes + file->len, op->bytes, op->len);
            file->len += op->len;
            break;
        case DISK_SYNC_FILE:
            file->synced = file->len;
            break;
        case DISK_SYNC_DIR:
            sync_names(c, op->id);
            break;
        default:
            if (c->nr_pending == PENDING_MAX)
                abort();
            c->pending[c->nr_pending++] = op;
        }
    }
}

unsigned disk_after_power_loss(const struct disk_log *log, size_t nr_ops, disk_forgets *forgets, size_t every,
                               const char *root, disk_look *look, void *user)
{
    struct crash c = { .every = every, .root = root, .look = look, .user = user };

    replay(&c, log, nr_ops, forgets);
    for (unsigned subset = 0; subset < 1u << c.nr_pending; subset++) {
        struct names names = c.durable;

        for (size_t i = 0; i < c.nr_pending; i++)
            if (subset >> i & 1)
                apply(&names, c.pending[i]);
        show_torn(&c, &names);
    }
    disk_remove(root);
    return c.nr_states;
}

/* ---- was all recorded? ---- */

static bool holds(const char *path, const struct file *file)
{
    char bytes[FILE_BYTES_MAX + 1];
    int fd = open(path, O_RDONLY);
    ssize_t n = fd >= 0 ? read(fd, bytes, sizeof bytes) : -1;

    if (fd >= 0)
        close(fd);
    return n == (ssize_t)file->len && memcmp(bytes, file->bytes, file->len) == 0;
}

static size_t count_below(const char *root)
{
    DIR *d = opendir(root);
    struct dirent *entry;
    char path[1024];
    size_t nr = 0;

    while (d && (entry = readdir(d))) {
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        snprintf(path, sizeof path, "%s/%s", root, entry->d_name);
        nr += 1 + count_below(path);
    }
    if (d)
        closedir(d);
    return nr;
}

/* What is in a lock is of use as long as its holder lives. */
static bool is_lock(const char *name)
{
    size_t len = strlen(name);

    return len > 5 && strcmp(name + len - 5, ".lock") == 0;
}

bool disk_model_matches(const struct disk_log *log, const char *root)
{
    struct crash c = { 0 };
    char dir[512], path[640];

    replay(&c, log, log->nr_ops, NULL);
    for (size_t i = 0; i < c.nr_pending; i++)
        apply(&c.durable, c.pending[i]);
    for (size_t i = 0; i < c.durable.nr; i++) {
        const struct disk_op *made = c.durable.entries[i];

        if (!path_of(&c.durable, made->dir, root, dir, sizeof dir))
            return false;
        snprintf(path, sizeof path, "%s/%s", dir, c.durable.name[i]);
        if (made->kind == DISK_MKDIR ? access(path, F_OK) < 0
                                    : !is_lock(path) && !holds(path, &files[made->id]))
            return false;
    }
    return count_below(root) == c.durable.nr;
}
