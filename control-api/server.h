/* The HTTP server: Ulfius on libmicrohttpd, its limits, its start and its end. */
#ifndef HUM_SERVER_H
#define HUM_SERVER_H

#include "api.h"

struct server;

/* Listens and serves; each connection has a thread of its own. HUM_UNAVAILABLE: the address cannot
 * be had; HUM_INTERNAL: the server would not start. error then has one line. api must outlive the
 * server. */
HUM_MUSTCHECK enum hum_status server_start(struct api *api, struct server **ret_server, char *error,
                                           size_t error_size);
/* Takes no more connections, lets what runs come to its end for some seconds, then stops. Frees
 * server. */
void server_stop(struct server *server);

#endif
