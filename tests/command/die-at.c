/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
/*
 * Preloaded into xlmig: the process kills itself at one record of its journal.
 *
 *     DIE_AT="VERB:before|after:STATE ..."    for a process of that verb; STATE `none': when the journal is removed;
 *                                             `woken': when it is written down that a pause is taken from the guest
 *     DIE_MARK=FILE                           who dies writes its wish there, a line
 *     DIE_STOPS=1                             it does not die but stops there (SIGSTOP), until it is continued
 *
 * Before: the record is not in its place yet; after: it is, and what it allows is not begun.
 */
#define _GNU_SOURCE

#include <dlfcn.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

static char before[32], after[32]; /* states; "": no such */
static char died[64];

static void __attribute__((constructor)) begin(int argc, char **argv)
{
    const char *given = getenv("DIE_AT");
    char *wishes = strdup(given ? given : ""), *save = NULL;
    char verb[16], when[16], state[32];

    for (char *wish = strtok_r(wishes, " ", &save); wish; wish = strtok_r(NULL, " ", &save))
        for (int i = 1; i < argc; i++)
            if (sscanf(wish, "%15[^:]:%15[^:]:%31s", verb, when, state) == 3 && strcmp(argv[i], verb) == 0) {
                strcpy(strcmp(when, "before") == 0 ? before : after, state);
                snprintf(died, sizeof died, "%s\n", wish);
            }
    free(wishes);
}

static bool is_journal(const char *name)
{
    const char *dash = strrchr(name, '-');

    return dash && (strcmp(dash, "-send") == 0 || strcmp(dash, "-receive") == 0);
}

/* Does the record say that state? */
static bool says(int dir_fd, const char *file, const char *state)
{
    char bytes[16384] = "", want[64];
    int fd = openat(dir_fd, file, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd >= 0 ? read(fd, bytes, sizeof bytes - 1) : -1;

    if (fd >= 0)
        close(fd);
    snprintf(want, sizeof want, "\"state\":\"%s\"", state);
    return n > 0 && state[0] && strstr(bytes, want);
}

static void die(void)
{
    const char *mark = getenv("DIE_MARK");
    int fd = mark ? open(mark, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600) : -1;

    if (fd >= 0) {
        ssize_t n = write(fd, died, strlen(died));

        (void)n;
        close(fd);
    }
    if (getenv("DIE_STOPS")) {
        kill(getpid(), SIGSTOP);
        return;
    }
    kill(getpid(), SIGKILL);
    for (;;)
        pause();
}

/* Of standing.h, and a pause is taken from the guest? */
static bool says_woken(const char *path, const char *of)
{
    char bytes[512] = "";
    const char *name = strrchr(path, '/'), *woken;
    int fd = name && strncmp(name, "/standing-", 10) == 0 ? open(of, O_RDONLY | O_CLOEXEC) : -1;

    if (fd < 0)
        return false;
    woken = read(fd, bytes, sizeof bytes - 1) > 0 ? strstr(bytes, "\"woken\":") : NULL;
    close(fd);
    return woken && woken[8] != '0';
}

int rename(const char *old, const char *new)
{
    bool woken = says_woken(new, old);
    int rc;

    if (woken && strcmp(before, "woken") == 0)
        die();
    rc = REAL(rename)(old, new);
    if (woken && strcmp(after, "woken") == 0)
        die();
    return rc;
}

int renameat(int old_dir, const char *old, int new_dir, const char *new)
{
    int rc;

    if (is_journal(new) && says(old_dir, old, before))
        die();
    rc = REAL(renameat)(old_dir, old, new_dir, new);
    if (is_journal(new) && says(new_dir, new, after))
        die();
    return rc;
}

int unlinkat(int dir, const char *name, int flags)
{
    int rc;

    if (is_journal(name) && strcmp(before, "none") == 0)
        die();
    rc = REAL(unlinkat)(dir, name, flags);
    if (is_journal(name) && strcmp(after, "none") == 0)
        die();
    return rc;
}
