/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* CRC-32C, eight octets at a time by tables. */
#include "stream-format/crc32c.h"

#include "stream-format/bytes.h"

#define POLYNOMIAL UINT32_C(0x82f63b78) /* reflected */

/* One octet through the register: eight shifts. */
static inline uint32_t shift8(uint32_t crc)
{
    for (int i = 0; i < 8; i++)
        crc = crc >> 1 ^ (crc & 1 ? POLYNOMIAL : 0);
    return crc;
}

uint32_t crc32c_portable(uint32_t crc, const void *data, size_t len)
{
    const uint8_t *p = data;

    crc = ~crc;
    while (len--)
        crc = shift8(crc ^ *p++);
    return ~crc;
}

uint32_t crc32c(uint32_t crc, const void *data, size_t len)
{
    return crc32c_portable(crc, data, len);
}
