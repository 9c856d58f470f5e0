/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
#include "xlmig/vm/candidate.h"

#include <stdlib.h>

void candidate_dispose(struct candidate *candidate)
{
    free(candidate->config_json);
    free(candidate->cpu_policy.bytes);
    *candidate = (struct candidate){ 0 };
}

void candidate_answer_dispose(struct candidate_answer *answer)
{
    check_list_dispose(&answer->found);
    free(answer->config_json);
    *answer = (struct candidate_answer){ 0 };
}
