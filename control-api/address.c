#include "address.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

enum { BITS = 128, BITS_MAPPED = 96, WORD_MAX = 64 };

static const unsigned char mapped[12] = {[10] = 0xff, [11] = 0xff};

static bool is_4(const struct address *address) {
    return memcmp(address->bytes, mapped, sizeof mapped) == 0;
}

struct address address_of(const struct sockaddr *peer) {
    struct address address = {0};

    if (peer && peer->sa_family == AF_INET) {
        memcpy(address.bytes, mapped, sizeof mapped);
        memcpy(address.bytes + 12, &((const struct sockaddr_in *)(const void *)peer)->sin_addr, 4);
    } else if (peer && peer->sa_family == AF_INET6) {
        memcpy(address.bytes, &((const struct sockaddr_in6 *)(const void *)peer)->sin6_addr, 16);
    }
    return address;
}

void address_text(const struct address *address, char ret_text[ADDRESS_TEXT_MAX]) {
    static const struct address unknown;
    bool four = is_4(address);

    ret_text[0] = '\0';
    if (memcmp(address, &unknown, sizeof unknown) != 0) {
        inet_ntop(four ? AF_INET : AF_INET6, four ? address->bytes + 12 : address->bytes, ret_text,
                  ADDRESS_TEXT_MAX);
    }
}

static struct address cut(const struct address *address, int bits) {
    struct address network = *address;

    for (int i = 0; i < 16; i++) {
        int left = bits - i * 8;
        int mask = left >= 8 ? 0xff : left <= 0 ? 0 : 0xff00 >> left & 0xff;

        network.bytes[i] = (unsigned char)(network.bytes[i] & mask);
    }
    return network;
}

struct address address_network(const struct address *address, int bits_of_4, int bits_of_6) {
    return cut(address, is_4(address) ? BITS_MAPPED + bits_of_4 : bits_of_6);
}

/* False: it is neither. */
static bool read_address(const char *text, struct address *ret_address) {
    struct address address = {0};

    if (inet_pton(AF_INET, text, address.bytes + 12) == 1) {
        memcpy(address.bytes, mapped, sizeof mapped);
    } else if (inet_pton(AF_INET6, text, address.bytes) != 1) {
        return false;
    }
    *ret_address = address;
    return true;
}

/* Copies what is between start and end without the blanks around it. False: too long. */
static bool copy_word(const char *start, const char *end, char ret_word[WORD_MAX]) {
    while (start < end && (*start == ' ' || *start == '\t')) {
        start++;
    }
    while (end > start && (end[-1] == ' ' || end[-1] == '\t')) {
        end--;
    }
    size_t len = (size_t)(end - start);
    if (len >= WORD_MAX) {
        return false;
    }
    memcpy(ret_word, start, len);
    ret_word[len] = '\0';
    return true;
}

/* The digits behind the slash of a network. */
static bool read_bits(const char *text, int max, int *ret_bits) {
    char *end;

    if (*text < '0' || *text > '9') {
        return false;
    }
    long bits = strtol(text, &end, 10);
    if (*end || bits > max) {
        return false;
    }
    *ret_bits = (int)bits;
    return true;
}

static bool read_network(char *word, struct proxies *proxies) {
    struct address network;
    char *slash = strchr(word, '/');
    int bits = 0;

    if (slash) {
        *slash = '\0';
    }
    if (proxies->count == PROXIES_MAX || !read_address(word, &network)) {
        return false;
    }
    bool four = strchr(word, ':') == NULL;
    bits = four ? BITS - BITS_MAPPED : BITS;
    if (slash && !read_bits(slash + 1, bits, &bits)) {
        return false;
    }
    bits += four ? BITS_MAPPED : 0;
    struct address start = cut(&network, bits);
    if (memcmp(&start, &network, sizeof start) != 0) {
        return false;
    }
    proxies->list[proxies->count].network = network;
    proxies->list[proxies->count++].bits = bits;
    return true;
}

bool proxies_parse(const char *text, struct proxies *ret_proxies) {
    struct proxies proxies = {0};
    char word[WORD_MAX];

    while (*text) {
        const char *end = text + strcspn(text, ",");

        if (!copy_word(text, end, word) || !read_network(word, &proxies)) {
            return false;
        }
        text = *end ? end + 1 : end;
    }
    *ret_proxies = proxies;
    return true;
}

static bool is_trusted(const struct proxies *proxies, const struct address *address) {
    for (size_t i = 0; i < proxies->count; i++) {
        struct address network = cut(address, proxies->list[i].bits);

        if (memcmp(&network, &proxies->list[i].network, sizeof network) == 0) {
            return true;
        }
    }
    return false;
}

bool proxies_trust(const struct proxies *proxies, const struct sockaddr *peer) {
    struct address address = address_of(peer);

    return is_trusted(proxies, &address);
}

/* Some proxies add the port: 192.0.2.7:4711, [2001:db8::7]:4711. */
static bool read_forwarded(char *word, struct address *ret_address) {
    char *colon = strchr(word, ':');

    if (*word == '[') {
        word[strcspn(word, "]")] = '\0';
        word++;
    } else if (colon && !strchr(colon + 1, ':')) {
        *colon = '\0';
    }
    return read_address(word, ret_address);
}

struct address proxies_client(const struct proxies *proxies, const struct sockaddr *peer,
                              const char *forwarded) {
    struct address client = address_of(peer), next;
    const char *end = forwarded ? forwarded + strlen(forwarded) : NULL;
    char word[WORD_MAX];

    while (end && is_trusted(proxies, &client)) {
        const char *start = end;

        while (start > forwarded && start[-1] != ',') {
            start--;
        }
        if (!copy_word(start, end, word) || !read_forwarded(word, &next)) {
            break; /* no address: the last one that was is as far as one can see */
        }
        client = next;
        end = start > forwarded ? start - 1 : NULL;
    }
    return client;
}
