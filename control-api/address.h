/* Where a request comes from: addresses, their networks, and what proxies say. Pure. Any thread. */
#ifndef HUM_ADDRESS_H
#define HUM_ADDRESS_H

#include <stdbool.h>
#include <stddef.h>

struct sockaddr;

/* IPv6 in network order; IPv4 is mapped into it (RFC 4291, section 2.5.5.2). All 0: unknown. */
struct address {
    unsigned char bytes[16];
};

enum { ADDRESS_TEXT_MAX = 46, PROXIES_MAX = 32 };

/* peer NULL, or of another family: unknown. */
struct address address_of(const struct sockaddr *peer);
/* As people write it; "" when it is unknown. */
void address_text(const struct address *address, char ret_text[ADDRESS_TEXT_MAX]);
/* The network it is in: its first so many bits, IPv4's counted from its own first. */
struct address address_network(const struct address *address, int bits_of_4, int bits_of_6);

/* The proxies whose word on who their client is counts. */
struct proxies {
    size_t count;
    struct {
        struct address network;
        int bits; /* of 128 */
    } list[PROXIES_MAX];
};

/* Reads addresses and networks (10.0.0.0/8, fd00::/8, 192.0.2.7) with commas between. False: one is
 * none, has bits beyond its length, or there are too many. "" is none. */
bool proxies_parse(const char *text, struct proxies *ret_proxies);
/* Whether the peer is one of them. */
bool proxies_trust(const struct proxies *proxies, const struct sockaddr *peer);
/* Who sent a request. forwarded: X-Forwarded-For, as it came (several headers joined by commas in
 * their order), NULL: none. Each proxy adds the address it was called from at the end, so the list
 * is read from there, for as long as those who wrote it are trusted: what stands before, anybody
 * may have made up. */
struct address proxies_client(const struct proxies *proxies, const struct sockaddr *peer,
                              const char *forwarded);

#endif
