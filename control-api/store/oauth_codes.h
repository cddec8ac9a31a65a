/* One-time codes: what a client fetches that came of its way through a browser. */
#ifndef HUM_STORE_OAUTH_CODES_H
#define HUM_STORE_OAUTH_CODES_H

#include "store/identities.h"

enum {
    OAUTH_HASH_LEN = 32,          /* bytes of each hash and challenge here: SHA-256 */
    OAUTH_CODE_LIFE_S = 5 * 60,   /* to fetch it; also to sign in first, and link then */
    OAUTH_STATE_LIFE_S = 10 * 60, /* from the first step in the browser to the last */
};

/* Keeps what a provider vouches for. ret_added: false when the state has yielded a code before. */
HUM_MUSTCHECK enum pg_outcome store_oauth_code_add(struct pg *pg, struct str hash,
                                                   struct str state_hash, struct str challenge,
                                                   const struct vouched *vouched, bool *ret_added);
/* Uses a code up; ret_rows: none (there is no such code any more), or one row for
 * store_oauth_code_at. */
HUM_MUSTCHECK enum pg_outcome store_oauth_code_use(struct pg *pg, struct str hash,
                                                   struct pg_result **ret_rows);
/* The texts live as long as the rows. ret_challenge: as store_oauth_code_add was given it, but in
 * hex. */
struct vouched store_oauth_code_at(const struct pg_result *rows, struct str *ret_challenge);
/* Removes codes whose state is over, at most limit. */
HUM_MUSTCHECK enum pg_outcome store_oauth_codes_sweep(struct pg *pg, int limit);

extern const struct pg_statement *const store_oauth_codes_statements[];
extern const size_t store_oauth_codes_statements_count;

#endif
