/* CRC-32C (Castagnoli; RFC 3720, appendix B.4): the processor's instruction where there is one. */
#ifndef HUM_CRC32C_H
#define HUM_CRC32C_H

#include <stddef.h>
#include <stdint.h>

/* Goes on from crc, which is 0 at the start. Any thread. */
uint32_t crc32c(uint32_t crc, const void *bytes, size_t len);

#endif
