/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
/*
 * mutate-messages [SEED]: damaged good messages for the fuzz target, without a
 * fuzzer.  `mutate-messages --write DIR` writes the good ones, for a fuzzer to
 * begin with.  One TAP line for each decoder; the seed printed replays the run.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define ROUNDS 20000
#define MESSAGE_MAX 1024

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define JOURNAL \
    "{\"version\":1,\"side\":\"receive\",\"state\":\"ready\",\"token\":\"00112233445566778899aabbccddeeff\"," \
    "\"uuid\":\"00112233445566778899aabbccddeeff\",\"generation\":1762000000000000," \
    "\"serial\":3,\"name\":\"web1\",\"peer\":\"hosta\",\"transport\":\"ssh\",\"ssh_command\":\"ssh -p \\\"2222\\\"\",\"boot\":\"b1\"," \
    "\"paused\":false,\"offered\":true,\"why\":\"\",\"began\":1762000000,\"changed\":1762000001}"

#define TEXT(decoder, text) { decoder, text, sizeof(text) - 1 }

static const struct {
    uint8_t decoder;
    const char *bytes;
    size_t len;
} good[] = {
    TEXT(0, "XCtl\1\0\0\0\20\0\0\0"),
    TEXT(1, "{\"min_version\":1,\"max_version\":1,\"program\":\"xlmig\",\"host\":\"a\",\"hypervisor\":\"Xen 4.17\","
            "\"image_version\":1,\"image_features\":\"000000000000007f\",\"max_channels\":16,\"cpus\":4,"
            "\"data\":[\"inline\",\"tls\"]}"),
    TEXT(2, "{\"name\":\"web1\",\"uuid\":\"00112233445566778899aabbccddeeff\",\"type\":\"PVH\",\"memory_bytes\":1048576,"
            "\"vcpus\":2,\"config\":\"{\\\"c_info\\\":{}}\",\"cpu_policy\":\"584d435000\",\"ignore_devices\":true,"
            "\"disks\":[{\"name\":\"xvda\",\"bytes\":4096}]}"),
    TEXT(3, "{\"refusals\":[\"no\",\"nor that \\u00e4\"]}"),
    TEXT(3, "{\"refusals\":[\"no\"],\"checks\":[{\"result\":\"ok\",\"subject\":\"name\",\"text\":\"free\"},"
            "{\"result\":\"refused\",\"subject\":\"disk \\u001b\",\"text\":\"no\",\"remedy\":\"some\"}]}"),
    TEXT(4, "{\"flag\":true,\"text\":\"some \\u001b text\"}"),
    TEXT(5, "{\"event\":\"progress\",\"phase\":\"precopy\",\"round\":2,\"done\":5,\"total\":9,\"bytes\":10}"),
    TEXT(6, "XMCP\1\0\0\0\1\0\0\0\0\0\0\0\1\0\0\0\377\377\377\377\1\0\0\0\0\0\0\0\0\0\0\20\0\0\0\0"
            "\316\0\0\0\0\0\0\0\0\0\0\200\0\0\0\0"),
    TEXT(7, "{\"flag\":true,\"text\":\"\",\"image\":\"v1\",\"channels\":4,\"data\":\"tls\",\"address\":\"::1\","
            "\"token\":\"00112233445566778899aabbccddeeff\","
            "\"generation\":7,"
            "\"key\":\"00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff\"}"),
    TEXT(8, "{\"address\":\"192.0.2.1\",\"port\":4000}"),
    TEXT(9, "{\"token\":\"00112233445566778899aabbccddeeff\",\"channel\":3}"),
    TEXT(10, JOURNAL "\ncrc32c 54afb360\n"),
    TEXT(11, JOURNAL),
    TEXT(12, "{\"flag\":false,\"text\":\"\",\"token\":\"00112233445566778899aabbccddeeff\",\"generation\":1762000000000000}"),
};

static uint64_t state;

static uint64_t next(void)
{
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return state;
}

/* A few of: a bit flipped, a byte replaced by one that JSON cares for, a piece cut out, a piece repeated. */
static size_t damage(uint8_t *bytes, size_t len)
{
    static const char special[] = "{}[]\",:\\0-9eE.\1\200\377";

    for (uint64_t n = next() % 4; n > 0 && len > 2; n--) {
        size_t at = 1 + next() % (len - 1), piece = 1 + next() % (len - at);

        switch (next() % 4) {
        case 0:
            bytes[at] ^= (uint8_t)(1u << next() % 8);
            break;
        case 1:
            bytes[at] = (uint8_t)special[next() % (sizeof special - 1)];
            break;
        case 2:
            memmove(bytes + at, bytes + at + piece, len - at - piece);
            len -= piece;
            break;
        case 3:
            if (len + piece <= MESSAGE_MAX) {
                memmove(bytes + at + piece, bytes + at, len - at);
                len += piece;
            }
            break;
        }
    }
    return len;
}

static int write_good(const char *dir)
{
    char path[4096];

    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        FILE *file;

        snprintf(path, sizeof path, "%s/good-%zu", dir, i);
        file = fopen(path, "w");
        if (!file || fputc(good[i].decoder, file) == EOF ||
            fwrite(good[i].bytes, 1, good[i].len, file) != good[i].len || fclose(file) != 0) {
            perror(path);
            return 1;
        }
    }
    return 0;
}

int main(int argc, char **argv)
{
    uint64_t seed = argc > 1 ? strtoull(argv[1], NULL, 0) : (uint64_t)time(NULL);

    if (argc == 3 && strcmp(argv[1], "--write") == 0)
        return write_good(argv[2]);
    state = seed | 1;
    printf("# seed %llu\n", (unsigned long long)seed);
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        for (unsigned round = 0; round < ROUNDS; round++) {
            uint8_t bytes[MESSAGE_MAX];

            bytes[0] = good[i].decoder;
            memcpy(bytes + 1, good[i].bytes, good[i].len);
            LLVMFuzzerTestOneInput(bytes, damage(bytes, good[i].len + 1));
        }
        printf("ok %zu - %d damaged messages for decoder %d\n", i + 1, ROUNDS, good[i].decoder);
        fflush(stdout);
    }
    printf("1..%zu\n", sizeof good / sizeof good[0]);
    return 0;
}
