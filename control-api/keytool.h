/* "hum-api keys": makes the keys that are missing in a folder of folders, and rolls them. */
#ifndef HUM_KEYTOOL_H
#define HUM_KEYTOOL_H

#include <stdbool.h>

/* Gets one line: what could not be done, and why. */
typedef void (*keytool_fail_fn)(const char *what, const char *why);

/* A key of each kind, where there is none. False: fail has been told. */
bool keytool_make(const char *folder, keytool_fail_fn fail);
/* Removes keys that nothing needs any more, adds one of each kind, and prints their names, a kind a
 * line. That of MQTT is one to sign next: the broker has to know it before anybody signs with it.
 * If one kind has no room, none is added. */
bool keytool_roll(const char *folder, keytool_fail_fn fail);
/* The key of MQTT that was to sign next signs. */
bool keytool_use(const char *folder, keytool_fail_fn fail);

/* What a status of the keys' folders means, for people. Uses errno. */
const char *keytool_error(int status);

#endif
