/* Signing in by what identity providers say, and which of them speak for whom.
 *
 * Who somebody is comes straight from a provider, for the code that a native client brings, or from
 * a one-time code of ours, for what came of a way through a browser. Either way one person signs in
 * with it, or adds it to the account that they are signed in to. */
#ifndef HUM_DOMAIN_OAUTH_H
#define HUM_DOMAIN_OAUTH_H

#include "domain/auth.h"
#include "oauth/flow.h"
#include "oauth/provider.h"
#include "store/identities.h"

enum { IDENTITIES_MAX = 20 }; /* of one account */

/* The provider of one-time codes. */
extern const char oauth_here[];

/* What a client brings. Texts end with a NUL. */
struct oauth_grant {
    struct str provider;
    struct str code;
    struct str code_verifier;
    struct str redirect_uri; /* .data NULL of oauth_here */
    struct str nonce;        /* .data NULL: none */
};

/* Ends a way through a browser: asks the provider, and keeps what it says for the client, under a
 * code that is used once. HUM_INVALID_GRANT: the provider refuses the code, or it is not the first
 * time that this way ends; HUM_UNAVAILABLE. The lease is given back while the provider is asked. */
HUM_MUSTCHECK enum hum_status oauth_return(struct lease *lease, struct provider *provider,
                                           const struct flow *flow,
                                           const struct provider_grant *grant,
                                           char ret_code[FLOW_TEXT_MAX]);

/* Signs somebody in, or up: ret_created tells. HUM_NOT_FOUND: no such provider;
 * HUM_INVALID_REQUEST: the redirect_uri is none of a native client; HUM_INVALID_GRANT;
 * HUM_EMAIL_UNVERIFIED: somebody new, whose address the provider does not vouch for;
 * HUM_LINK_REQUIRED: there is an account with this address, but it is not sure that it is theirs;
 * HUM_UNAVAILABLE. On success free the session with auth_session_free. */
HUM_MUSTCHECK enum hum_status oauth_sign_in(const struct auth *auth,
                                            const struct providers *providers, struct lease *lease,
                                            const struct oauth_grant *grant,
                                            const struct auth_device *device,
                                            struct auth_session *ret_session, bool *ret_created);

/* Adds an identity to the caller's account. password: .data NULL: none came. ret_rows: the one row
 * (store_identity_at), freed with pg_result_free. Besides the errors of a grant: HUM_FORBIDDEN: the
 * sign-in is over 5 minutes old and no password came; HUM_INVALID_CREDENTIALS;
 * HUM_IDENTITY_TAKEN: it is somebody else's; HUM_LIMIT_REACHED. */
HUM_MUSTCHECK enum hum_status oauth_link(const struct auth *auth, const struct providers *providers,
                                         struct lease *lease, int64_t user, int64_t session,
                                         const struct oauth_grant *grant, struct str password,
                                         struct pg_result **ret_rows);
/* HUM_NOT_FOUND: the caller has no such identity; HUM_LAST_SIGN_IN: nor any other way in. */
HUM_MUSTCHECK enum hum_status oauth_unlink(struct pg *pg, int64_t user, int64_t id);
/* The caller's identities after an id; ret_rows as oauth_link's. */
HUM_MUSTCHECK enum hum_status oauth_identities(struct pg *pg, int64_t user, int64_t after,
                                               int limit, struct pg_result **ret_rows);

#endif
