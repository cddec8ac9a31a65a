/* What clients are told: where this API is, and where the broker is. Pure. */
#ifndef HUM_PUBLIC_URLS_H
#define HUM_PUBLIC_URLS_H

#include "status.h"
#include "str.h"

enum { PUBLIC_URL_MAX = 1024, BROKER_URL_MAX = 320, PUBLIC_HOST_MAX = 253 }; /* a name: RFC 1035 */

struct public_urls {
    char api[PUBLIC_URL_MAX];       /* http[s]://HOST[:PORT][/PATH]; no slash at its end */
    char mqtt[BROKER_URL_MAX];      /* mqtt[s]://HOST:PORT */
    char ws[BROKER_URL_MAX];        /* ws[s]://HOST[:PORT]/PATH */
    char host[PUBLIC_HOST_MAX + 1]; /* of api; an IPv6 address in its brackets */
};

/* What an operator has set; "" leaves it to us. */
struct public_urls_given {
    const char *api, *mqtt, *ws; /* as above */
    const char *bind;            /* where the listeners are, for what is left to us */
    int http_port, mqtt_port, ws_port;
};

/* What is not given follows from the rest. The API is at the address that is listened on. The
 * broker's host is the API's; its ports are the listeners' own, unless the API is reached by https:
 * then a proxy ends TLS for all of them, MQTT is at 8883, and WebSocket where the API is.
 *
 * All of it goes into JSON, headers and pages as it is, so nothing is taken that is more than a
 * host, a port and a path: no user, no query, no other scheme. And no ws:// beside https://, which
 * browsers refuse.
 *
 * False: *ret_error is a line for the operator (static), and *ret_urls is not to be used. */
HUM_MUSTCHECK bool public_urls_make(const struct public_urls_given *given,
                                    struct public_urls *ret_urls, const char **ret_error);

#endif
