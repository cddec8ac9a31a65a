/* Which addresses of the network may be asked on behalf of strangers. Pure. */
#ifndef HUM_OAUTH_ADDRESS_H
#define HUM_OAUTH_ADDRESS_H

#include <stdbool.h>
#include <stddef.h>

/* The bytes of an address in network order: 4 of IPv4 or 16 of IPv6; of another length it is
 * neither. */

/* Whether it is one of the public Internet (IANA's special-purpose registries): not loopback,
 * link-local, private, shared, multicast, reserved or for documentation, and not an IPv6 address
 * that carries such an IPv4 one. */
bool address_is_public(const unsigned char *bytes, size_t len);
bool address_is_loopback(const unsigned char *bytes, size_t len);

#endif
