/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
/* The printer: what it shows of a stream, and that whatever a stream holds it
 * writes nothing but plain text and proper JSON. */
#include <json-c/json.h>
#include <stdlib.h>
#include <string.h>

#include "stream-format/print/printer.h"
#include "tests/run-suite.h"
#include "tests/stream-format/negatives.h"

struct text {
    char *data;
    size_t len;
};

static void take_text(void *opaque, const char *data, size_t len)
{
    struct text *text = opaque;

    text->data = realloc(text->data, text->len + len + 1);
    if (!text->data)
        abort();
    memcpy(text->data + text->len, data, len);
    text->len += len;
    text->data[text->len] = '\0';
}

static void pass_event(void *opaque, const struct stream_event *event)
{
    stream_printer_event(opaque, event);
}

/* What is printed of these bytes, in pieces of that size; to be freed. */
static char *print(const uint8_t *data, size_t len, size_t piece, struct stream_printer_config how,
                   const char *select)
{
    struct text text = { 0 };
    struct stream_printer *printer;
    struct stream_reader *reader;

    how.write = take_text;
    how.opaque = &text;
    printer = stream_printer_new(&how);
    reader = stream_reader_new(&(struct stream_reader_config){ .event = pass_event, .opaque = printer });
    ck_assert(printer && reader);
    if (select)
        ck_assert_int_eq(stream_printer_select(printer, select, strlen(select)), 0);
    for (size_t at = 0; at < len; at += piece)
        stream_reader_push(reader, data + at, piece < len - at ? piece : len - at);
    stream_reader_end(reader);
    stream_printer_end(printer, stream_reader_fault(reader));
    stream_printer_free(printer);
    stream_reader_free(reader);
    return text.data;
}

static char *print_made(void (*make)(struct bytes *b), struct stream_printer_config how,
                        const char *select)
{
    struct bytes b = { 0 };
    char *text;

    make(&b);
    text = print(b.data, b.len, b.len, how, select);
    bytes_free(&b);
    return text;
}

static void expect_in(const char *text, const char *wanted)
{
    ck_assert_msg(strstr(text, wanted) != NULL, "no '%s' in:\n%s", wanted, text);
}

/* ---- lines ------------------------------------------------------------- */

START_TEST(shows_each_record_with_its_fields)
{
    static const char *const wanted[] = {
        "0x0000000000 xl        - SAVE_HEADER byteorder=0x1020304 mandatory_flags=0x3 (JSON, stream v2)",
        "0x0000000030 xl        - CONFIG length=55 config_len=51\n    {\n        \"c_info\": {\n",
        "0x0000000077 libxl     0 LIBXC_CONTEXT length=0\n",
        " libxc     - DOMAIN_HEADER type=2 (x86 HVM) page_shift=12 xen_major=4 xen_minor=17\n",
        " leaf=0x1 subleaf=0xffffffff eax=0x1000 ebx=0x1001 ecx=0x1002 edx=0x1003\n",
        " libxc     1 X86_MSR_POLICY length=16\n                index=0xce value=0x80000000\n",
        " libxc     3 PAGE_DATA length=12320 count=3 lowest_pfn=0x0 highest_pfn=0x2 runs=1 pages=3 [NOTAB: 3]\n",
        " libxc     4 PAGE_DATA length=24 count=2 lowest_pfn=0xfeff8 highest_pfn=0xfeff9 runs=1 pages=0 [XALLOC: 2]\n",
        " X86_TSC_INFO length=24 mode=0 (default) khz=2400000 nsec=123456789 incarnation=1\n",
        " typecode=21 instance=0 length=13\n",
        " index=1 (STORE_PFN) value=0xfeffc000\n",
        " emulator_id=2 (QEMU upstream) index=0\n                physmap/f0000000/start_addr = f0000000\n",
        " EMULATOR_CONTEXT length=27 emulator_id=2 (QEMU upstream) index=0 content_bytes=19\n",
    };
    char *text = print_made(put_saved_hvm, (struct stream_printer_config){ 0 }, NULL);

    for (size_t i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++)
        expect_in(text, wanted[i]);
    free(text);
}
END_TEST

START_TEST(shows_records_of_pv_guests)
{
    char *text = print_made(put_saved_pv, (struct stream_printer_config){ 0 }, NULL);

    expect_in(text, " X86_PV_INFO length=8 guest_width=8 pt_levels=4\n");
    expect_in(text, " start_pfn=0x0 end_pfn=0x3ff first_p2m_pfn=0x0 last_p2m_pfn=0x1\n");
    expect_in(text, " [L4TAB pinned: 1]\n");
    expect_in(text, " X86_PV_VCPU_BASIC length=5176 vcpu_id=1 content_bytes=5168\n");
    expect_in(text, ", x86 PV, 2 vCPUs, from Xen 4.17\n");
    free(text);
}
END_TEST

static void make_counted(struct bytes *b)
{
    put_hvm_static(b, 3);
    put_pages(b, 0, 3, STREAM_PAGE_NOTAB);    /* pfn 0 is filled with zeros */
    put_pages(b, 0x100, 2, STREAM_PAGE_NOTAB); /* so is pfn 0x100 */
    put_pages(b, 1, 1, STREAM_PAGE_NOTAB);
    put_pages(b, 0x200, 4, STREAM_PAGE_XTAB);
    put_empty_record(b, STREAM_REC_OPTIONAL | 1);
    put_hvm_state(b);
    put_empty_record(b, STREAM_REC_END);
}

START_TEST(sums_up)
{
    char *text = print_made(make_counted, (struct stream_printer_config){ .summary_only = true }, NULL);

    ck_assert_ptr_null(strstr(text, "0x0000000000 "));
    expect_in(text, "layers       libxc\n");
    expect_in(text, "image        version 3, x86 HVM, from Xen 4.17\n");
    expect_in(text, " 6 pages sent (0 MiB), 2 of them zero\n");
    expect_in(text, " 10 entries in 2 passes, 9 different, 1 sent again, highest 0x203\n");
    expect_in(text, "  XTAB                                      4\n");
    expect_in(text, "  libxc PAGE_DATA                           4 ");
    expect_in(text, "  unknown optional                          1\n");
    free(text);
}
END_TEST

START_TEST(selects_by_name)
{
    char *text = print_made(put_saved_hvm, (struct stream_printer_config){ 0 }, "x86_tsc_info");

    ck_assert_int_eq(strncmp(text, "0x0000003147 libxc     5 X86_TSC_INFO ", 38), 0);
    ck_assert_ptr_null(strstr(text, "length=0"));
    expect_in(text, "layers       xl, libxl, libxc\n");
    free(text);
}
END_TEST

START_TEST(knows_no_other_names)
{
    struct text text = { 0 };
    struct stream_printer_config config = { .write = take_text, .opaque = &text };
    struct stream_printer *printer = stream_printer_new(&config);

    ck_assert_int_eq(stream_printer_select(printer, "PAGE_DAT", 8), -1);
    ck_assert_int_eq(stream_printer_select(printer, "", 0), -1);
    ck_assert_int_eq(stream_printer_select(printer, "PAGE_DATA,", 9), 0);
    stream_printer_free(printer);
}
END_TEST

START_TEST(dumps_a_page)
{
    char *text = print_made(make_counted,
                            (struct stream_printer_config){ .dump_page = true, .page = 0x101 }, NULL);

    expect_in(text, "pfn 0x101 in libxc record 4: NOTAB\n"
                    "  000  01 01 01 01 01 01 01 01 01 01 01 01 01 01 01 01  |................|\n");
    expect_in(text, "  ff0  01 ");
    free(text);

    text = print_made(make_counted, (struct stream_printer_config){ .dump_page = true, .page = 0x202 },
                      NULL);
    expect_in(text, "pfn 0x202 in libxc record 6: XTAB, without content\n");
    free(text);
}
END_TEST

/* ---- hostile content --------------------------------------------------- */

static void make_escapes(struct bytes *b)
{
    /* As JSON it would be refused. */
    put_xl_header(b, STREAM_XL_FLAG_STREAMV2,
                  "{ \"a\\b\": \"\033[2J\x9b\xc3\xbc\x7f\" }\n");
    put_libxl_header(b, 0);
    put_empty_record(b, STREAM_LIBXL_REC_LIBXC_CONTEXT);
    put_hvm_image(b, 3);
    put_emulator(b, STREAM_LIBXL_REC_EMULATOR_XENSTORE_DATA, STREAM_EMULATOR_QEMU_UPSTREAM,
                 "k\0\"\033]0;x\007\xff", 11);
    put_empty_record(b, STREAM_LIBXL_REC_END);
}

START_TEST(escapes_what_is_not_printable)
{
    char *text = print_made(make_escapes, (struct stream_printer_config){ 0 }, NULL);

    for (const char *p = text; *p; p++)
        ck_assert_msg(*p == '\n' || (*p >= 0x20 && *p < 0x7f), "0x%02x", (uint8_t)*p);
    expect_in(text, "\\x1b[2J\\x9b\\xc3\\xbc\\x7f");
    expect_in(text, "k = \"\\x1b]0;x\\x07\\xff\n");
    free(text);
}
END_TEST

static void expect_json_lines(char *text)
{
    char *line, *rest = text;

    while ((line = strsep(&rest, "\n"))) {
        struct json_tokener *tokener = json_tokener_new();
        struct json_object *object;

        json_tokener_set_flags(tokener, JSON_TOKENER_STRICT);
        if (*line) {
            object = json_tokener_parse_ex(tokener, line, (int)strlen(line));
            ck_assert_msg(json_object_is_type(object, json_type_object), "no object: %s", line);
            json_object_put(object);
        }
        json_tokener_free(tokener);
    }
}

/* The two streams, cut at each byte where a list or a text may be open. */
START_TEST(json_is_whole_wherever_a_stream_ends)
{
    static void (*const makers[])(struct bytes *b) = { make_escapes, put_saved_pv };
    struct bytes b = { 0 };

    makers[_i](&b);
    for (size_t len = 0; len < b.len; len += len < 700 || len > b.len - 400 ? 1 : 97) {
        char *text = print(b.data, len, 4096, (struct stream_printer_config){ .json = true }, NULL);

        expect_json_lines(text);
        free(text);
    }
    bytes_free(&b);
}
END_TEST

START_TEST(json_is_whole_for_every_negative)
{
    for (unsigned int i = 0; i < nr_negatives; i++) {
        char *text = print_made(negatives[i].make, (struct stream_printer_config){ .json = true }, NULL);

        expect_in(text, "{\"fault\":{\"name\":\"");
        expect_in(text, stream_fault_name(negatives[i].code));
        expect_json_lines(text);
        free(text);
    }
}
END_TEST

START_TEST(json_holds_the_values)
{
    char *text = print_made(put_saved_hvm, (struct stream_printer_config){ .json = true }, NULL);

    expect_in(text, "\"config\":\"{\\u000a    \\u0022c_info\\u0022");
    expect_in(text, "{\"key\":\"physmap/f0000000/name\",\"value\":\"vga.vram\"}]}\n");
    expect_in(text, "{\"index\":1,\"index_name\":\"STORE_PFN\",\"value\":\"0xfeffc000\"}");
    expect_in(text, "{\"summary\":{\"layers\":[\"xl\",\"libxl\",\"libxc\"],\"image_version\":3,");
    expect_json_lines(text);
    free(text);
}
END_TEST

START_TEST(cuts_do_not_matter)
{
    struct stream_printer_config how = { .json = _i, .dump_page = true, .page = 1 };
    struct bytes b = { 0 };
    char *whole;

    make_escapes(&b);
    whole = print(b.data, b.len, b.len, how, NULL);
    for (size_t piece = 1; piece < 5000; piece = piece * 3 + 1) {
        char *cut = print(b.data, b.len, piece, how, NULL);

        ck_assert_str_eq(cut, whole);
        free(cut);
    }
    free(whole);
    bytes_free(&b);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("printer");
    TCase *lines = tcase_create("lines");
    TCase *hostile = tcase_create("hostile");

    tcase_add_test(lines, shows_each_record_with_its_fields);
    tcase_add_test(lines, shows_records_of_pv_guests);
    tcase_add_test(lines, sums_up);
    tcase_add_test(lines, selects_by_name);
    tcase_add_test(lines, knows_no_other_names);
    tcase_add_test(lines, dumps_a_page);
    suite_add_tcase(suite, lines);

    tcase_set_timeout(hostile, 60);
    tcase_add_test(hostile, escapes_what_is_not_printable);
    tcase_add_loop_test(hostile, json_is_whole_wherever_a_stream_ends, 0, 2);
    tcase_add_test(hostile, json_is_whole_for_every_negative);
    tcase_add_test(hostile, json_holds_the_values);
    tcase_add_loop_test(hostile, cuts_do_not_matter, 0, 2);
    suite_add_tcase(suite, hostile);

    return run_suite(suite);
}
