/*
 * base/crc.h - CRC-32 as IEEE 802.3, zip and zlib have it (polynomial
 * 0xEDB88320 reflected, begun and ended by all ones). Tells a changed content
 * from the one that was sent; no defence against anybody.
 */
#ifndef BASE_CRC_H
#define BASE_CRC_H

#include "base/base.h"
#include "base/str.h"

/* "123456789" gives cbf43926; nothing gives 0. */
uint32_t crc32_of(struct str text);

#endif
