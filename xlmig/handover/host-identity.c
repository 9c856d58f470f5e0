/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
#include "config.h"
#include "xlmig/handover/host-identity.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdio.h>
#include <string.h>

#define MACHINE_ID "/etc/machine-id"
#define HARDWARE_ID "/sys/class/dmi/id/product_uuid"
#define ID_SIZE 128

void host_identity_make(const uint8_t salt[HOST_SALT_BYTES], const char *machine, const char *hardware,
                        uint8_t identity[HOST_IDENTITY_BYTES])
{
    unsigned char said[16 + HOST_SALT_BYTES + ID_SIZE] = "xlmig host 1", mac[EVP_MAX_MD_SIZE];
    const size_t len = strnlen(hardware, ID_SIZE);

    memcpy(said + 16, salt, HOST_SALT_BYTES);
    memcpy(said + 16 + HOST_SALT_BYTES, hardware, len);
    /* An empty key is one, too: then the salt alone makes the difference. */
    if (!HMAC(EVP_sha256(), machine, (int)strlen(machine), said, 16 + HOST_SALT_BYTES + len, mac, NULL))
        memcpy(mac, salt, HOST_IDENTITY_BYTES);
    memcpy(identity, mac, HOST_IDENTITY_BYTES);
}

static void read_line(const char *path, char text[ID_SIZE])
{
    FILE *file = fopen(path, "re");

    if (!file || !fgets(text, ID_SIZE, file))
        text[0] = '\0';
    if (file)
        fclose(file);
    text[strcspn(text, "\n")] = '\0';
}

void host_identity_of_this(const uint8_t salt[HOST_SALT_BYTES], uint8_t identity[HOST_IDENTITY_BYTES])
{
    char machine[ID_SIZE], hardware[ID_SIZE];

    read_line(MACHINE_ID, machine);
    read_line(HARDWARE_ID, hardware);
    host_identity_make(salt, machine, hardware, identity);
}
