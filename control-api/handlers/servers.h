/* /servers: making, finding, changing and deleting them. */
#ifndef HUM_HANDLERS_SERVERS_H
#define HUM_HANDLERS_SERVERS_H

#include "http.h"
#include "store/servers.h"

enum hum_status handle_server_create(struct request *request, struct reply *reply);
enum hum_status handle_servers_search(struct request *request, struct reply *reply);
enum hum_status handle_server_get(struct request *request, struct reply *reply);
enum hum_status handle_server_patch(struct request *request, struct reply *reply);
enum hum_status handle_server_delete(struct request *request, struct reply *reply);
enum hum_status handle_servers_list(struct request *request, struct reply *reply);

/* Appends the Server as a JSON object, as caller sees it. */
void render_server(struct buf *out, const struct server_row *server, int64_t caller);
/* Answers with the server that the rows hold, and frees them. */
void answer_server(struct reply *reply, struct pg_result *rows, int64_t caller);
/* A name of a server or channel in the body. */
void body_name(const struct request *request, struct reply *reply, enum presence presence,
               struct str *ret);

#endif
