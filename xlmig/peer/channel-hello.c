/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
#include "config.h"
#include "xlmig/peer/channel-hello.h"

#include <endian.h>
#include <openssl/crypto.h>
#include <openssl/sha.h>
#include <stdio.h>
#include <string.h>

static const unsigned char magic[8] = { 0x89, 'X', 'L', 'M', 'J', 'N', '\r', '\n' };

/* magic 8, token 16, channel 2, connection 4, zeros 2 */
#define TOKEN_AT 8
#define CHANNEL_AT 24
#define CONNECTION_AT 26

void channel_hello_encode(unsigned char out[CHANNEL_HELLO_BYTES], const uint8_t token[MIGRATION_TOKEN_BYTES],
                          unsigned channel, uint32_t connection)
{
    const uint16_t number = htole16((uint16_t)channel);

    connection = htole32(connection);

    memset(out, 0, CHANNEL_HELLO_BYTES);
    memcpy(out, magic, sizeof magic);
    memcpy(out + TOKEN_AT, token, MIGRATION_TOKEN_BYTES);
    memcpy(out + CHANNEL_AT, &number, sizeof number);
    memcpy(out + CONNECTION_AT, &connection, sizeof connection);
}

int channel_hello_check(const unsigned char in[CHANNEL_HELLO_BYTES], const uint8_t token[MIGRATION_TOKEN_BYTES],
                        uint32_t *connection)
{
    unsigned char want[CHANNEL_HELLO_BYTES];
    uint16_t number;

    memcpy(&number, in + CHANNEL_AT, sizeof number);
    memcpy(connection, in + CONNECTION_AT, sizeof *connection);
    *connection = le32toh(*connection);
    channel_hello_encode(want, token, le16toh(number), *connection);
    return CRYPTO_memcmp(in, want, sizeof want) == 0 ? le16toh(number) : -1;
}

void channel_public_name(const uint8_t token[MIGRATION_TOKEN_BYTES], char name[CHANNEL_NAME_BYTES])
{
    unsigned char digest[SHA256_DIGEST_LENGTH];

    SHA256(token, MIGRATION_TOKEN_BYTES, digest);
    for (size_t i = 0; i < (CHANNEL_NAME_BYTES - 1) / 2; i++)
        snprintf(name + 2 * i, 3, "%02x", digest[i]);
}
