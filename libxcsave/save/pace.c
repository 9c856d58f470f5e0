/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
#include "config.h"

#include "libxcsave/save/pace.h"

#define FADING 0.5
/* Looks hold the guest for no more than this part of its time. */
#define LOOKS_COST_AT_MOST 50u
#define LOOK_AT_LEAST_EVERY_US 2000000u
/* A shorter measurement is mostly noise. */
#define MIN_ROUND_US 1000u

void pace_sent(struct pace *p, double pages, uint64_t bytes, uint64_t duration_us)
{
    p->pages = p->pages * FADING + pages;
    p->bytes = p->bytes * FADING + (double)bytes;
    p->us = p->us * FADING + (double)duration_us;
}

static uint64_t a_second(double count, double us)
{
    return us >= MIN_ROUND_US ? (uint64_t)(count * 1e6 / us) : 0;
}

uint64_t pace_pages_per_s(const struct pace *p, double pages, uint64_t duration_us)
{
    return a_second(p->pages + pages, p->us + (double)duration_us);
}

uint64_t pace_bytes_per_s(const struct pace *p)
{
    return a_second(p->bytes, p->us);
}

static void note_dirtying(struct pace *p, uint64_t now_us, uint64_t dirty_pages)
{
    if (!p->looked && now_us > p->cleaned_us)
        p->dirty_pages_per_s = a_second((double)dirty_pages, (double)(now_us - p->cleaned_us));
    p->looked = true;
}

void pace_cleaned(struct pace *p, uint64_t now_us, uint64_t log_us)
{
    p->cleaned_us = now_us;
    p->next_look_us = now_us + XCSAVE_PEEK_US;
    p->looked = false;
    p->log_us = log_us;
}

void pace_before_cleaning(struct pace *p, uint64_t now_us, uint64_t dirty_pages)
{
    note_dirtying(p, now_us, dirty_pages);
}

bool pace_look_is_due(const struct pace *p, uint64_t now_us)
{
    return p->next_look_us && now_us >= p->next_look_us;
}

void pace_looked(struct pace *p, uint64_t now_us, uint64_t dirty_pages, uint64_t log_us)
{
    uint64_t pause_us = now_us - p->cleaned_us;

    note_dirtying(p, now_us, dirty_pages);
    p->log_us = log_us;
    if (pause_us > LOOK_AT_LEAST_EVERY_US)
        pause_us = LOOK_AT_LEAST_EVERY_US;
    if (pause_us < log_us * LOOKS_COST_AT_MOST)
        pause_us = log_us * LOOKS_COST_AT_MOST;
    p->next_look_us = now_us + pause_us;
}
