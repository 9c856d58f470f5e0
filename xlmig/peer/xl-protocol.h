/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
/*
 * What xl says to xl: `xl migrate` on one side, `xl migrate-receive` on the
 * other.  The interface is these bytes (see xl.h and xl_migrate.c of Xen).
 *
 *     receiver: banner (without NUL)
 *     sender:   save header, configuration, libxl stream (stream-format/libxl-stream.h)
 *     receiver: ready (with NUL)
 *     sender:   go (with NUL)
 *     receiver: report (with NUL), then one byte: 0: started; else not, and once its copy
 *               is destroyed: go, the other way round: the sender may have it back
 */
#ifndef XLMIG_PEER_XL_PROTOCOL_H
#define XLMIG_PEER_XL_PROTOCOL_H

#define XL_BANNER "xl migration receiver ready, send binary domain data.\n"
#define XL_READY "domain received, ready to unpause"
#define XL_GO "domain is yours, you are cleared to unpause"
#define XL_REPORT "my copy unpause results are as follows"

#endif
