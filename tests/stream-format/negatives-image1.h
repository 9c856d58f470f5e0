/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
/* The makers of those rows of negatives.def that are of xlmig images. */
#ifndef TESTS_STREAM_FORMAT_NEGATIVES_IMAGE1_H
#define TESTS_STREAM_FORMAT_NEGATIVES_IMAGE1_H

#include "tests/stream-format/build.h"

void make_v1_version(struct bytes *b);
void make_v1_header_checksum(struct bytes *b);
void make_v1_feature_unknown(struct bytes *b);
void make_v1_channels_in_a_file(struct bytes *b);
void make_v1_record_checksum(struct bytes *b);
void make_v1_record_unknown(struct bytes *b);
void make_v1_record_lost(struct bytes *b);
void make_v1_record_twice(struct bytes *b);
void make_v1_record_padding(struct bytes *b);
void make_v1_record_too_long(struct bytes *b);
void make_v1_optional_checksum(struct bytes *b);
void make_v1_extents_length(struct bytes *b);
void make_v1_extents_unaligned(struct bytes *b);
void make_v1_extents_empty(struct bytes *b);
void make_v1_extents_beyond_limit(struct bytes *b);
void make_v1_extents_reserved(struct bytes *b);
void make_v1_extents_before_static_data_end(struct bytes *b);
void make_v1_extents_after_memory(struct bytes *b);
void make_v1_extents_twice(struct bytes *b);
void make_v1_domain_missing(struct bytes *b);
void make_v1_domain_twice(struct bytes *b);
void make_v1_domain_guest(struct bytes *b);
void make_v1_libxc_page_data(struct bytes *b);
void make_v1_libxc_reserved(struct bytes *b);
void make_v1_libxc_unknown(struct bytes *b);
void make_v1_libxc_wrong_guest(struct bytes *b);
void make_v1_libxc_body(struct bytes *b);
void make_v1_libxc_length(struct bytes *b);
void make_v1_state_before_memory(struct bytes *b);
void make_v1_state_twice(struct bytes *b);
void make_v1_state_missing(struct bytes *b);
void make_v1_static_after_memory(struct bytes *b);
void make_v1_static_data_end_missing(struct bytes *b);
void make_v1_memory_in_round_0(struct bytes *b);
void make_v1_memory_missing(struct bytes *b);
void make_v1_memory_after_last_round(struct bytes *b);
void make_v1_memory_of_other_round(struct bytes *b);
void make_v1_memory_without_p2m(struct bytes *b);
void make_v1_codec_unknown(struct bytes *b);
void make_v1_codec_not_announced(struct bytes *b);
void make_v1_runs_none(struct bytes *b);
void make_v1_raw_too_long(struct bytes *b);
void make_v1_payload_length(struct bytes *b);
void make_v1_run_kind(struct bytes *b);
void make_v1_run_reserved(struct bytes *b);
void make_v1_run_empty(struct bytes *b);
void make_v1_run_beyond_limit(struct bytes *b);
void make_v1_run_beyond_guest(struct bytes *b);
void make_v1_run_page_table_in_hvm(struct bytes *b);
void make_v1_run_kind_of_other_type(struct bytes *b);
void make_v1_run_delta_not_announced(struct bytes *b);
void make_v1_page_twice_in_a_round(struct bytes *b);
void make_v1_page_twice_in_a_record(struct bytes *b);
void make_v1_delta_of_nothing(struct bytes *b);
void make_v1_delta_of_a_page_given_up(struct bytes *b);
void make_v1_delta_cut_off(struct bytes *b);
void make_v1_same_as_nothing(struct bytes *b);
void make_v1_same_as_a_page_of_an_earlier_round(struct bytes *b);
void make_v1_same_as_a_same_page(struct bytes *b);
void make_v1_same_as_a_zero_page(struct bytes *b);
void make_v1_payload_garbage(struct bytes *b);
void make_v1_payload_bomb(struct bytes *b);
void make_v1_round_pages(struct bytes *b);
void make_v1_round_number(struct bytes *b);
void make_v1_round_flags(struct bytes *b);
void make_v1_round_0_last(struct bytes *b);
void make_v1_round_after_last(struct bytes *b);
void make_v1_digest_of_other_pages(struct bytes *b);
void make_v1_digest_not_announced(struct bytes *b);
void make_v1_digest_missing(struct bytes *b);
void make_v1_digest_before_last_round(struct bytes *b);
void make_v1_index_missing(struct bytes *b);
void make_v1_index_of_other_offset(struct bytes *b);
void make_v1_index_entry_lost(struct bytes *b);
void make_v1_index_count(struct bytes *b);
void make_v1_end_before_last_round(struct bytes *b);
void make_v1_trailer_missing(struct bytes *b);
void make_v1_trailer_magic(struct bytes *b);
void make_v1_trailer_checksum(struct bytes *b);
void make_v1_trailer_offset(struct bytes *b);
void make_v1_trailer_of_other_file(struct bytes *b);
void make_v1_trailing_data(struct bytes *b);

#endif
