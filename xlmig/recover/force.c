/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
/* A human who knows what the hosts cannot: what his word risks, in plain words, and that he means it. */
#include "xlmig/recover/recover.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* By what is done, or written down, at once. */
static const char *risk(const struct recover_facts *facts, const struct recover_step *forced)
{
    if (forced->action == RECOVER_TAKE_BACK)
        return "{there} has {vm} and never ran it. It is asked to give it back, and {vm} goes on here. Nothing is lost.";
    if (forced->action == RECOVER_FORGET)
        return "The record of this migration is removed from this host. Should {there} come back, with a record of its own\n"
               "or a copy of {vm}, it finds nothing here that tells it what became of {vm}, and may let its copy run:\n"
               "only if {there} is gone for good, or has neither, is this right.";
    if (facts->answer == RECOVER_GONE_THERE && facts->force_here)
        return "{vm} WAS GIVEN TO {there}, AND MAY HAVE RUN THERE before that host went down. What goes on here is the\n"
               "state from before that: whatever {vm} wrote to its disks since is not in its memory, and it may\n"
               "DESTROY ITS FILE SYSTEMS. Only if you know that it wrote nothing is this right. Otherwise start it anew\n"
               "from its disks, by xl create, after: xlmig recover --force-there {id}";
    if (forced->action == RECOVER_RESUME_HERE || forced->action == RECOVER_START_HERE || forced->record == JOURNAL_GO)
        return "{vm} IS TO RUN HERE. If it runs on {there}, too, or is let go on there later, BOTH WRITE TO THE SAME\n"
               "DISKS AND DESTROY THEM. Be sure of one of these: {there} is off and stays off; or xl list there shows\n"
               "neither {vm} nor {vm}--migratedaway nor {vm}--incoming that somebody will start. Should {there} come\n"
               "back later, type there, before anything else: xlmig recover {id}";
    if (facts->side == JOURNAL_SEND && facts->force_there)
        return "{vm} IS TO BE {there}'S. What is left of it here IS DESTROYED. If it does not run on {there}, and\n"
               "{there} has no copy of it that can, THERE IS NONE LEFT: it must be started anew from its disks.";
    if (facts->force_there)
        return "{vm} is left to {there}. The copy here IS DESTROYED. If {vm} does not run on {there}, and its copy\n"
               "there cannot, THERE IS NONE LEFT: it must be started anew from its disks.";
    return "{vm} is given up here as far as this migration goes; {there} is not asked any more. If {there} still has a\n"
           "copy of it that can run, that copy waits there for a human.";
}

/* false: not what was asked for, or nothing. */
static bool typed(const char *vm)
{
    char line[VM_NAME_MAX + 2];

    fprintf(stderr, "To go on, type the name of the VM (%s): ", vm);
    if (!fgets(line, sizeof line, stdin))
        return false;
    line[strcspn(line, "\n")] = '\0';
    return strcmp(line, vm) == 0;
}

bool recover_confirm(const struct recover_request *request, const struct journal_record *record,
                     const struct recover_facts *facts, const struct recover_step *forced)
{
    const struct recover_step told = { .words = risk(facts, forced) };
    char id[JOURNAL_ID_SIZE], text[2048];

    journal_id(record, id);
    recover_say(&told, record->name, record->peer, id, text, sizeof text);
    fflush(stdout);
    fprintf(stderr, "\n%s\n\n", text);
    if (request->yes)
        return true;
    if (isatty(STDIN_FILENO))
        return typed(record->name);
    fprintf(stderr, "This is no terminal on which that could be confirmed: add --yes if you are sure.\n");
    return false;
}
