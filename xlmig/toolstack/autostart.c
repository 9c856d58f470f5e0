/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
#include "config.h"
#include "xlmig/toolstack/autostart.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define CONFIG_DIR "/etc/xen"
#define AUTO_DIR "/etc/xen/auto"
#define CONFIG_MAX (64u << 10) /* an xl.cfg is some hundred octets */
#define FILES_MAX 4096u

/* Is that line `name = "VM"`, with either kind of quotes?  xl takes the last one of a file. */
static bool names_vm(const char *line, const char *vm_name, bool *is_name)
{
    size_t len = strlen(vm_name);

    line += strspn(line, " \t");
    *is_name = strncmp(line, "name", 4) == 0;
    line += 4 * *is_name;
    line += strspn(line, " \t");
    if (!*is_name || *line != '=') {
        *is_name = false;
        return false;
    }
    line++;
    line += strspn(line, " \t");
    return (*line == '"' || *line == '\'') && strncmp(line + 1, vm_name, len) == 0 && line[1 + len] == *line;
}

static bool text_is_of_vm(char *text, const char *vm_name)
{
    bool is_of_vm = false, is_name, matches;
    char *rest;

    for (char *line = strtok_r(text, "\n;", &rest); line; line = strtok_r(NULL, "\n;", &rest)) {
        matches = names_vm(line, vm_name, &is_name);
        if (is_name)
            is_of_vm = matches;
    }
    return is_of_vm;
}

/* A plain file that says so; nothing that might hang, or that is no xl.cfg by its size. */
static bool file_is_of_vm(int dir, const char *name, const char *vm_name)
{
    char text[CONFIG_MAX];
    struct stat found;
    bool is_of_vm = false;
    ssize_t len;
    int fd = openat(dir, name, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);

    if (fd < 0)
        return false;
    if (fstat(fd, &found) == 0 && S_ISREG(found.st_mode) && found.st_size < (off_t)sizeof text) {
        len = read(fd, text, sizeof text - 1);
        text[len > 0 ? len : 0] = '\0';
        is_of_vm = text_is_of_vm(text, vm_name);
    }
    close(fd);
    return is_of_vm;
}

static void find_in(const char *root, const char *where, const char *vm_name, char path[PATH_MAX])
{
    char place[PATH_MAX];
    struct dirent *entry;
    DIR *dir;

    path[0] = '\0';
    if (snprintf(place, sizeof place, "%s%s", root, where) >= (int)sizeof place)
        return;
    dir = opendir(place);
    if (!dir)
        return;
    for (unsigned n = 0; n < FILES_MAX && !path[0] && (entry = readdir(dir)); n++)
        if (entry->d_name[0] != '.' && file_is_of_vm(dirfd(dir), entry->d_name, vm_name))
            snprintf(path, PATH_MAX, "%s/%s", where, entry->d_name);
    closedir(dir);
}

static bool is_same(const char *root, const char *a, const char *b)
{
    char path_a[2 * PATH_MAX], path_b[2 * PATH_MAX];
    struct stat stat_a, stat_b;

    snprintf(path_a, sizeof path_a, "%s%s", root, a);
    snprintf(path_b, sizeof path_b, "%s%s", root, b);
    return stat(path_a, &stat_a) == 0 && stat(path_b, &stat_b) == 0 && stat_a.st_dev == stat_b.st_dev &&
           stat_a.st_ino == stat_b.st_ino;
}

/* A link in /etc/xen/auto may lead anywhere. */
static void follow_link(const char *root, struct start_files *files)
{
    char path[2 * PATH_MAX], target[PATH_MAX];
    ssize_t len;

    snprintf(path, sizeof path, "%s%s", root, files->automatic);
    len = readlink(path, target, sizeof target - 1);
    if (len <= 0)
        return;
    target[len] = '\0';
    if (target[0] == '/' && strncmp(target, root, strlen(root)) == 0)
        snprintf(files->config, sizeof files->config, "%s", target + strlen(root));
}

void start_files_find(const char *root, const char *vm_name, struct start_files *files)
{
    find_in(root, AUTO_DIR, vm_name, files->automatic);
    find_in(root, CONFIG_DIR, vm_name, files->config);
    if (files->automatic[0] && (!files->config[0] || !is_same(root, files->automatic, files->config)))
        follow_link(root, files);
}
