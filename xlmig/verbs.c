/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "xlmig/cli/verb.h"

#include <string.h>

#define VERB(name) extern const struct verb verb_##name;
#include "xlmig/verbs.def"
#undef VERB

const struct verb *const verbs[] = {
#define VERB(name) &verb_##name,
#include "xlmig/verbs.def"
#undef VERB
    NULL,
};

const struct verb_option global_options[] = {
    { .name = "toolstack", .kind = OPTION_STRING, .argument = "NAME",
      .help = "libxl, or sim:DIR for a simulated host (default: $XLMIG_TOOLSTACK, else libxl)",
      OPTION_INTO(struct global_options, toolstack) },
    OPTIONS_END,
};

const struct verb *verb_find(const char *name)
{
    for (size_t i = 0; verbs[i]; i++)
        if (strcmp(verbs[i]->name, name) == 0)
            return verbs[i];
    return NULL;
}
