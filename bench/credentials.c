#include "credentials.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Keeps what anybody may pass far below what a process may open. */
#define CLIENTS_MAX 20000
#define NOBODY SIZE_MAX

static const char *add(struct credentials *all, const char *id, const char *user, const char *word,
                       const char *room) {
    if (all->count == CLIENTS_MAX)
        return "too many clients";
    struct credential *items = realloc(all->items, (all->count + 1) * sizeof(*items));
    if (items == NULL)
        return "out of memory";
    all->items = items;
    bool anonymous = strcmp(word, "-") == 0;
    struct credential *item = &items[all->count++];
    *item = (struct credential){
        .client_id = strdup(id),
        .username = strdup(user),
        .password = anonymous ? NULL : strdup(word),
        .room = strdup(room),
        .peer = NOBODY,
    };
    bool whole = item->client_id && item->username && (anonymous || item->password) && item->room;
    return whole ? NULL : "out of memory";
}

static const char *read_lines(struct credentials *all, FILE *file) {
    char line[2048];
    while (fgets(line, sizeof(line), file) != NULL) {
        char *rest = NULL;
        char *id = strtok_r(line, " \t\n", &rest);
        char *user = strtok_r(NULL, " \t\n", &rest);
        char *word = strtok_r(NULL, " \t\n", &rest);
        char *room = strtok_r(NULL, " \t\n", &rest);
        if (room == NULL || strtok_r(NULL, " \t\n", &rest) != NULL)
            return "a line is not `client_id username password room_id`";
        const char *problem = add(all, id, user, word, room);
        if (problem != NULL)
            return problem;
    }
    return ferror(file) ? "it cannot be read" : NULL;
}

/* Members of a room mostly stand on neighbouring lines: looking back finds them at once. */
const char *credentials_pair_up(struct credentials *all) {
    for (size_t i = 0; i < all->count; i++) {
        for (size_t j = i; j-- > 0;) {
            if (strcmp(all->items[i].room, all->items[j].room) != 0)
                continue;
            if (all->items[j].peer != NOBODY)
                return "a room has more than two members";
            all->items[i].peer = j;
            all->items[j].peer = i;
            break;
        }
    }
    for (size_t i = 0; i < all->count; i++) {
        if (all->items[i].peer == NOBODY)
            return "a room has only one member";
    }
    return NULL;
}

const char *credentials_read(struct credentials *credentials, const char *path) {
    *credentials = (struct credentials){0};
    FILE *file = fopen(path, "re");
    if (file == NULL)
        return "it cannot be opened";
    const char *problem = read_lines(credentials, file);
    fclose(file);
    if (problem == NULL && credentials->count == 0)
        problem = "it is empty";
    return problem;
}

void credentials_free(struct credentials *credentials) {
    for (size_t i = 0; i < credentials->count; i++) {
        struct credential *item = &credentials->items[i];
        free(item->client_id);
        free(item->username);
        free(item->password);
        free(item->room);
    }
    free(credentials->items);
    *credentials = (struct credentials){0};
}
