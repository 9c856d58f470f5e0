/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
/*
 * CRC-32C (Castagnoli): polynomial 0x1edc6f41, reflected, initial value and
 * final exclusive or all ones; of "123456789" it is 0xe3069283. As in iSCSI
 * (RFC 3720, 12.1), ext4, btrfs.
 */
#ifndef STREAM_FORMAT_CRC32C_H
#define STREAM_FORMAT_CRC32C_H

#include <stddef.h>
#include <stdint.h>

/* The checksum of what `crc` is the checksum of, followed by these octets; 0 is
 * the checksum of nothing. As fast as memory is read, on CPUs of this decade. */
uint32_t crc32c(uint32_t crc, const void *data, size_t len);

#endif
