#include "oauth/person.h"

void person_text(const json_t *object, const char *member, char *target, size_t size) {
    const char *text = json_string_value(json_object_get(object, member));
    size_t len = 0;

    if (!text) {
        return;
    }
    while ((unsigned char)text[len] >= ' ' && text[len] != '\x7f') {
        len++;
    }
    if (text[len] == '\0' && len < size) {
        memcpy(target, text, len + 1);
    }
}

/* An address counts as verified only if the provider says so in the word that the standard has. */
static void read_email(const json_t *claims, struct identity *identity) {
    person_text(claims, "email", identity->email, sizeof identity->email);
    identity->email_verified =
        identity->email[0] && json_is_true(json_object_get(claims, "email_verified"));
}

/* The first that is there. */
static void read_name(const json_t *claims, struct identity *identity) {
    static const char *const members[] = {"preferred_username", "nickname", "name"};

    for (size_t i = 0; i < sizeof members / sizeof members[0] && !identity->name[0]; i++) {
        person_text(claims, members[i], identity->name, sizeof identity->name);
    }
}

void person_claims(const json_t *claims, struct identity *identity) {
    if (!identity->email[0]) {
        read_email(claims, identity);
    }
    read_name(claims, identity);
}
