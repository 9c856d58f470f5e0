/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
/*
 * By what another host tells this one from all others: not by its name, which it gives itself and which others may
 * have, but by 16 octets that no other host comes to.
 *
 * They are made of a salt, which lies beside the counter of this host's attempts (journal.c), so that a host whose
 * counter is lost is another host from then on; of the machine id, so that copies of a disk with machine ids of their
 * own are told apart; and of the hardware's own number, which tells apart those that share even that.
 */
#ifndef XLMIG_HANDOVER_HOST_IDENTITY_H
#define XLMIG_HANDOVER_HOST_IDENTITY_H

#include <stddef.h>
#include <stdint.h>

#define HOST_IDENTITY_BYTES 16u
#define HOST_SALT_BYTES 16u

/*
 * HMAC-SHA256, keyed by the machine id, of a text of xlmig's, the salt and the hardware's number, cut to 16 octets
 * (the way of sd_id128_get_machine_app_specific(), with a salt): neither can be told from it.  Texts that are not
 * known are "".
 */
void host_identity_make(const uint8_t salt[HOST_SALT_BYTES], const char *machine, const char *hardware,
                        uint8_t identity[HOST_IDENTITY_BYTES]);
/* Of this host: /etc/machine-id, and the DMI's product UUID as far as this user may read it. */
void host_identity_of_this(const uint8_t salt[HOST_SALT_BYTES], uint8_t identity[HOST_IDENTITY_BYTES]);

#endif
