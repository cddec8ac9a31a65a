/* Paths and query strings, taken apart. Pure. */
#ifndef HUM_MATCH_H
#define HUM_MATCH_H

#include "str.h"

enum match { MATCH_NO, MATCH_YES, MATCH_BAD_ID };

/* Compares a raw path with a pattern whose {id} segments stand for ids, a {code} and a {provider}
 * for anything (see match_segment). Everything else must be the same byte by byte: nothing is
 * decoded, no slash is forgiven. MATCH_BAD_ID: the shape fits, but something in the place of an id
 * is none. ret_ids gets the ids in order, and must have room for all of the pattern. Any thread. */
enum match match_path(const char *pattern, const char *path, int64_t *ret_ids);

/* A segment of a raw path, the first is 0; empty when there are fewer. Any thread. */
struct str match_segment(const char *path, size_t index);

enum { QUERY_MAX = 16 }; /* values; more of them are not looked at */

struct query {
    size_t count;
    struct {
        struct str name;
        struct str value; /* .data NULL: not well-formed */
    } list[QUERY_MAX];
};

/* Reads application/x-www-form-urlencoded text in place (WHATWG URL, section 5.1); the values point
 * into it and end with a NUL. A value with a bad escape, a NUL or bad UTF-8 is kept as not
 * well-formed; a name like that is dropped. Any thread. */
void query_parse(char *text, struct query *ret_query);

#endif
