/* What the process that decodes pictures gives up before it reads the first byte of one: files,
 * network, other processes, more memory and time than a picture needs. Should a file turn a decoder
 * against us, it can spoil that one avatar and nothing else. */
#ifndef HUM_AVATAR_SANDBOX_H
#define HUM_AVATAR_SANDBOX_H

#include <stdbool.h>

enum {
    SANDBOX_CPU_S = 3,
    /* Of addresses. The largest pictures, with all libraries, make do with 320. */
    SANDBOX_MEMORY_MIB = 512,
};

/* From here on system calls that do more than read, write and manage memory fail with EPERM. There
 * is no way back. False: the kernel would not; nothing must be decoded then. Under a sanitizer,
 * which needs more than that, only the processor time is bounded. */
bool sandbox_enter(void);

#endif
