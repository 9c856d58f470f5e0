/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
/* SPECIFICATION.md and IMAGE-V1.md say what records.def and faults.def say, no
 * more and no less, and their examples are valid streams. */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/run-suite.h"
#include "tests/stream-format/run.h"

#define MAX_CELLS 8

/* A line of the text: its heading, and the cells of a table's row. */
struct line {
    enum stream_layer layer; /* of the section */
    int id;                  /* of the section, or -1 */
    char *cells[MAX_CELLS];
    unsigned int nr_cells;
};

static const char *const texts[] = { "SPECIFICATION.md", "IMAGE-V1.md" };
#define NR_TEXTS (sizeof(texts) / sizeof(texts[0]))

static FILE *open_text(const char *name)
{
    const char *srcdir = getenv("XLMIG_SRCDIR");
    char path[4096];
    FILE *file;

    snprintf(path, sizeof(path), "%s/stream-format/%s", srcdir ? srcdir : ".", name);
    file = fopen(path, "r");
    ck_assert_msg(file != NULL, "cannot open %s", path);
    return file;
}

static char *trim(char *text)
{
    char *end = text + strlen(text);

    while (*text == ' ')
        text++;
    while (end > text && isspace((unsigned char)end[-1]))
        *--end = '\0';
    return text;
}

/* "### libxc PAGE_DATA" */
static void read_heading(struct line *line, char *text)
{
    char *space;

    line->id = -1;
    text = trim(text);
    space = strchr(text, ' ');
    for (unsigned int i = 0; space && i < STREAM_NR_IDS; i++) {
        const struct stream_record_info *info = &stream_record_infos[i];
        const char *layer = stream_layer_name(info->layer);

        if (strlen(layer) == (size_t)(space - text) && !strncmp(layer, text, strlen(layer)) &&
            !strcmp(info->name, space + 1)) {
            line->id = (int)i;
            line->layer = info->layer;
        }
    }
}

static void read_row(struct line *line, char *text)
{
    char *cell;

    text++;
    while (line->nr_cells < MAX_CELLS && (cell = strsep(&text, "|")) && text)
        line->cells[line->nr_cells++] = trim(cell);
}

static void for_rows_of(const char *name, void (*row)(const struct line *line))
{
    FILE *file = open_text(name);
    struct line line = { .id = -1 };
    char text[1024];

    while (fgets(text, sizeof(text), file)) {
        line.nr_cells = 0;
        if (!strncmp(text, "### ", 4))
            read_heading(&line, text + 4);
        else if (!strncmp(text, "## ", 3))
            line.id = -1;
        else if (text[0] == '|')
            read_row(&line, text);
        if (line.nr_cells)
            row(&line);
    }
    fclose(file);
}

/* For each row of each table. */
static void for_rows(void (*row)(const struct line *line))
{
    for (size_t i = 0; i < NR_TEXTS; i++)
        for_rows_of(texts[i], row);
}

/* ---- records ----------------------------------------------------------- */

static unsigned int nr_seen[STREAM_NR_IDS];

static void check_cell(const char *name, const char *what, const char *cell, const char *wanted)
{
    ck_assert_msg(!strcmp(cell, wanted), "%s: %s is '%s' in the text, '%s' in the table", name, what,
                  cell, wanted);
}

static void check_record(const struct line *line)
{
    static const char *const guests[] = { "any", "pv", "hvm" };
    static const char *const phases[] = { "static", "memory", "state", "control", "never" };
    static const char *const repeats[] = { "image", "checkpoint", "vcpu", "many" };
    const struct stream_record_info *info;
    char wanted[64];

    if (line->nr_cells != 7 || strlen(line->cells[0]) != 10 || strncmp(line->cells[0], "0x", 2))
        return;
    info = stream_record_find(line->layer, (uint32_t)strtoul(line->cells[0], NULL, 16));
    ck_assert_msg(info != NULL, "the table has no %s of layer %d", line->cells[0], line->layer);
    nr_seen[info->id]++;
    check_cell(info->name, "name", line->cells[1], info->name);
    check_cell(info->name, "guests", line->cells[2], guests[info->guests]);
    snprintf(wanted, sizeof(wanted), "%u", info->since);
    check_cell(info->name, "since", line->cells[3], wanted);
    check_cell(info->name, "phase", line->cells[4], phases[info->phase]);
    check_cell(info->name, "repeat", line->cells[5], repeats[info->repeat]);
    if (info->min_len == info->max_len)
        snprintf(wanted, sizeof(wanted), "%u", info->max_len);
    else
        snprintf(wanted, sizeof(wanted), "%u to %u", info->min_len, info->max_len);
    check_cell(info->name, "body", line->cells[6], wanted);
}

START_TEST(records_are_those_of_the_table)
{
    for_rows(check_record);
    for (unsigned int i = 0; i < STREAM_NR_IDS; i++) {
        const struct stream_record_info *info = &stream_record_infos[i];

        ck_assert_msg(nr_seen[i] == !info->is_header, "%s %s is %u times in the text",
                      stream_layer_name(info->layer), info->name, nr_seen[i]);
    }
}
END_TEST

static unsigned int nr_sections[STREAM_NR_IDS];

static void count_sections(const char *name)
{
    FILE *file = open_text(name);
    char text[1024];

    while (fgets(text, sizeof(text), file)) {
        struct line line = { 0 };

        if (strncmp(text, "### ", 4))
            continue;
        read_heading(&line, text + 4);
        if (line.id >= 0)
            nr_sections[line.id]++;
    }
    fclose(file);
}

START_TEST(every_header_and_record_has_a_section)
{
    for (size_t i = 0; i < NR_TEXTS; i++)
        count_sections(texts[i]);
    for (unsigned int i = 0; i < STREAM_NR_IDS; i++)
        ck_assert_msg(nr_sections[i] == 1, "%s has %u sections", stream_record_infos[i].name,
                      nr_sections[i]);
}
END_TEST

/* ---- fields ------------------------------------------------------------ */

#define MAX_FIELDS 256

static bool field_seen[MAX_FIELDS];

static void check_field(const struct line *line)
{
    bool head = line->nr_cells == 5 && !strcmp(line->cells[0], "head");
    bool element = line->nr_cells == 5 && !strcmp(line->cells[0], "element");

    if (!head && !element)
        return;
    ck_assert_msg(line->id >= 0, "field %s is in no section of a record", line->cells[3]);
    for (unsigned int i = 0; i < stream_nr_fields; i++) {
        const struct stream_field *field = &stream_fields[i];

        if ((int)field->id != line->id || (field->part == STREAM_PART_ELEMENT) != element ||
            strcmp(field->name, line->cells[3]))
            continue;
        ck_assert_msg(field->offset == (uint32_t)strtoul(line->cells[1], NULL, 10) &&
                          field->len == (uint32_t)strtoul(line->cells[2], NULL, 10),
                      "%s of %s is at %u, %u octets, in the table", field->name,
                      stream_record_infos[field->id].name, field->offset, field->len);
        ck_assert_msg(!field_seen[i], "%s is twice in the text", field->name);
        field_seen[i] = true;
        return;
    }
    ck_abort_msg("the table has no field %s in %s", line->cells[3],
                 stream_record_infos[line->id].name);
}

START_TEST(fields_are_those_of_the_table)
{
    ck_assert_uint_le(stream_nr_fields, MAX_FIELDS);
    for_rows(check_field);
    for (unsigned int i = 0; i < stream_nr_fields; i++)
        ck_assert_msg(field_seen[i], "%s of %s is not in the text", stream_fields[i].name,
                      stream_record_infos[stream_fields[i].id].name);
}
END_TEST

/* The fields of a head or an element lie side by side and fill it. */
START_TEST(fields_fill_their_part)
{
    uint32_t filled[STREAM_NR_IDS][2] = { { 0 } };

    for (unsigned int i = 0; i < stream_nr_fields; i++) {
        const struct stream_field *field = &stream_fields[i];

        ck_assert_msg(field->offset == filled[field->id][field->part], "%s of %s leaves a gap",
                      field->name, stream_record_infos[field->id].name);
        filled[field->id][field->part] += field->len;
    }
    for (unsigned int i = 0; i < STREAM_NR_IDS; i++) {
        const struct stream_record_info *info = &stream_record_infos[i];

        ck_assert_msg(filled[i][STREAM_PART_HEAD] == info->head_len &&
                          filled[i][STREAM_PART_ELEMENT] == info->element_len,
                      "%s: fields of %u and %u octets", info->name, filled[i][STREAM_PART_HEAD],
                      filled[i][STREAM_PART_ELEMENT]);
    }
}
END_TEST

/* ---- faults ------------------------------------------------------------ */

static bool fault_seen[STREAM_NR_FAULTS];

static void check_fault(const struct line *line)
{
    char name[64];

    if (line->nr_cells != 2 || line->cells[0][0] != '`')
        return;
    for (int code = STREAM_FAULT_NONE + 1; code < STREAM_NR_FAULTS; code++) {
        snprintf(name, sizeof(name), "`%s`", stream_fault_name((enum stream_fault_code)code));
        if (strcmp(name, line->cells[0]))
            continue;
        check_cell(name, "meaning", line->cells[1], stream_fault_text((enum stream_fault_code)code));
        fault_seen[code] = true;
        return;
    }
    ck_abort_msg("there is no fault %s", line->cells[0]);
}

START_TEST(faults_are_those_of_the_table)
{
    for_rows(check_fault);
    for (int code = STREAM_FAULT_NONE + 1; code < STREAM_NR_FAULTS; code++)
        ck_assert_msg(fault_seen[code], "%s is not in the text",
                      stream_fault_name((enum stream_fault_code)code));
}
END_TEST

/* ---- the example ------------------------------------------------------- */

static void put_hex(struct bytes *b, const char *text)
{
    unsigned int octet;
    int used;

    while (*text != ';' && sscanf(text, " %2x%n", &octet, &used) == 1) {
        uint8_t byte = (uint8_t)octet;

        put_raw(b, &byte, 1);
        text += used;
        while (*text == ' ')
            text++;
    }
}

START_TEST(example_is_valid)
{
    FILE *file = open_text(texts[_i]);
    struct bytes b = { 0 };
    struct outcome out;
    bool inside = false;
    char text[1024];

    while (fgets(text, sizeof(text), file)) {
        if (!strncmp(text, "```", 3))
            inside = !strcmp(text, "```hex\n");
        else if (inside)
            put_hex(&b, text);
    }
    fclose(file);
    ck_assert_uint_gt(b.len, 200);
    out = run(b.data, b.len, 0);
    ck_assert_msg(out.fault.code == STREAM_FAULT_NONE, "%s at %llu: expected %s, found %s",
                  stream_fault_name(out.fault.code), (unsigned long long)out.fault.offset,
                  out.fault.expected, out.fault.found);
    bytes_free(&b);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("specification");
    TCase *tcase = tcase_create("text");

    tcase_add_test(tcase, records_are_those_of_the_table);
    tcase_add_test(tcase, every_header_and_record_has_a_section);
    tcase_add_test(tcase, fields_are_those_of_the_table);
    tcase_add_test(tcase, fields_fill_their_part);
    tcase_add_test(tcase, faults_are_those_of_the_table);
    tcase_add_loop_test(tcase, example_is_valid, 0, (int)NR_TEXTS);
    suite_add_tcase(suite, tcase);

    return run_suite(suite);
}
