/* Runs what clients-sample/README.md says in C: signs in, connects, says what stands on its
 * standard input, and ends when all of it has come back. argv: URL EMAIL ROOM HOST PORT; the first
 * line of the input is the password. */
#include <curl/curl.h>
#include <jansson.h>
#include <mosquitto.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "readme.c"

static void read_line(char line[256]) {
    if (fgets(line, 256, stdin) == NULL)
        *line = '\0';
    line[strcspn(line, "\n")] = '\0';
}

int main(int argc, char **argv) {
    char url[256], line[256], nonce[32];
    if (argc != 6)
        return 2;
    curl_global_init(CURL_GLOBAL_ALL);
    mosquitto_lib_init();
    read_line(line);
    snprintf(url, sizeof url, "%s/v1/auth/login", argv[1]);
    json_t *body = json_pack("{s:s, s:s}", "email", argv[2], "password", line);
    session = post(url, body);
    outbox = json_object();
    snprintf(room, sizeof room, "%s", argv[3]);
    struct mosquitto *client = connect_line(argv[4], atoi(argv[5]));
    for (int i = 0; read_line(line), *line != '\0'; i++) {
        snprintf(nonce, sizeof nonce, "readme-%d", i);
        say(client, nonce, line);
    }
    while (json_object_size(outbox) > 0)
        if (mosquitto_loop(client, 1000, 1) != MOSQ_ERR_SUCCESS)
            mosquitto_reconnect(client);
    mosquitto_destroy(client);
    mosquitto_lib_cleanup();
    curl_global_cleanup();
    json_decref(body);
    json_decref(session);
    json_decref(outbox);
    return 0;
}
