/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
/* A VM that another host offers, and what this one says to that. */
#ifndef XLMIG_VM_CANDIDATE_H
#define XLMIG_VM_CANDIDATE_H

#include "xlmig/vm/check-list.h"
#include "xlmig/vm/vm.h"

/* Its texts come from a peer: they hold no control characters, and are otherwise hostile. */
struct candidate {
    char name[VM_NAME_MAX + 1];
    uint8_t uuid[16];
    enum vm_type type;
    uint64_t memory_bytes;
    unsigned vcpus;
    char *config_json;            /* malloc() */
    bool early_devices;           /* the sender takes `config_json` of the answer */
    bool only_asked;              /* it does not come: nothing is to be promised to it */
    bool ignore_devices;          /* what is wrong with its disks and networks there refuses nothing */
    unsigned nr_disks;            /* whose sizes the sender knows */
    struct vm_disk disks[VM_DISKS_MAX];
    struct cpu_policy cpu_policy; /* malloc(); empty: not to be checked */
};

struct candidate_answer {
    struct check_list found;      /* it may come unless this refuses */
    bool only_refusals;           /* the receiver is of a release that tells nothing else */
    char *config_json;            /* malloc(); to be sent in the stream in the place of the VM's own; NULL: nothing */
};

void candidate_dispose(struct candidate *candidate);
void candidate_answer_dispose(struct candidate_answer *answer);

#endif
