/* Identity providers: others who say who somebody is, by OAuth 2.0 and OpenID Connect. Where to
 * find them and as whom is read from a file at start; what they publish (discovery, keys) is asked
 * for when first needed and kept for a while. JSON, HTTP and the formats of tokens end here.
 *
 * All calls that ask a provider are bounded: in time (PROVIDER_WAIT_MS for everything that one call
 * asks), in bytes, and in how many run at once for one provider; past that they are
 * HUM_UNAVAILABLE. They must not be made while rows are locked or a connection of the pool is held.
 */
#ifndef HUM_OAUTH_PROVIDER_H
#define HUM_OAUTH_PROVIDER_H

#include "status.h"
#include "str.h"

enum {
    PROVIDER_ID_MAX = 32,     /* [a-z0-9-] */
    PROVIDER_COUNT_MAX = 16,  /* in one file */
    PROVIDER_WAIT_MS = 10000, /* one call, all that it asks the provider together */
    PROVIDER_CODE_MAX = 2048, /* bytes of an authorization code */
    PROVIDER_STATE_MAX = 256, /* of state and nonce: [A-Za-z0-9._~-] */
    PROVIDER_REDIRECT_MAX = 1024,
    VERIFIER_MIN = 43, /* RFC 7636, section 4.1: [A-Za-z0-9._~-]{43,128} */
    VERIFIER_MAX = 128,
    CHALLENGE_LEN = 43, /* base64url of SHA-256, method S256 */
};

struct providers;
struct provider;

/* Whom a provider has seen. Texts are UTF-8 and end with a NUL; one that is not known is empty. */
struct identity {
    char issuer[256];
    char subject[256]; /* names the person at the issuer, for good; never empty */
    char email[255];   /* at most 254 bytes, not normalised */
    bool email_verified;
    char name[129]; /* how to call them, as the provider has it: a proposal */
};

/* What came back from a provider, and what it has to fit. Any text may be NULL for "none came" but
 * for code, code_verifier and redirect_uri; all may hold anything and are checked here. */
struct provider_grant {
    const char *code;
    const char *code_verifier;
    const char *redirect_uri; /* the one of the authorization request */
    const char *nonce;        /* NULL: the ID token must have none */
    bool by_callback; /* the browser came back to us with it: iss is then held to RFC 9207 */
    const char *iss;  /* its parameter iss */
};

/* Reads the file (HUM_OAUTH_FILE; "": nobody is asked, which is fine). False: error has one line,
 * without a secret. allow_private (HUM_OAUTH_PRIVATE): providers may have private and loopback
 * addresses, and http on loopback. report gets a line when a provider answers what it must not; it
 * is called on any thread and bounded in rate. Touches no network. */
HUM_MUSTCHECK bool providers_load(const char *path, bool allow_private,
                                  void (*report)(const char *line),
                                  struct providers **ret_providers, char *error, size_t error_size);
/* NULL is fine. No call may be running. */
void providers_free(struct providers *providers);

/* In the order of the file. Any thread. */
size_t providers_count(const struct providers *providers);
struct provider *providers_at(const struct providers *providers, size_t index);
/* The one of this id, or NULL. Any thread. */
struct provider *provider_find(const struct providers *providers, struct str id);

/* Constant while the providers live. Any thread. */
const char *provider_id(const struct provider *provider);
const char *provider_name(const struct provider *provider);   /* for people: "Google" */
const char *provider_issuer(const struct provider *provider); /* as identity.issuer has it */
/* Whether a native client may have its code sent there: one of the provider's redirect_uris, byte
 * for byte; of a loopback one (http://127.0.0.1/…, http://[::1]/…) with any port (RFC 8252, section
 * 7.3). The browser flow's own address is not asked about here. Any thread. */
bool provider_redirect_allowed(const struct provider *provider, const char *redirect_uri);

/* Where to send the browser: response_type=code, S256; without a nonce if that is NULL. Freed by
 * the caller with free(). May ask the provider for its discovery document. HUM_INVALID_REQUEST: an
 * argument does not have its form; HUM_UNAVAILABLE: the provider does not answer, or nothing of
 * use. Any thread. */
HUM_MUSTCHECK enum hum_status provider_authorize_url(struct provider *provider,
                                                     const char *redirect_uri, const char *state,
                                                     const char *nonce, const char *code_challenge,
                                                     char **ret_url);

/* Swaps a code for who it is. HUM_INVALID_GRANT: the provider refuses the code, or what it says
 * does not hold (which is reported); HUM_UNAVAILABLE: it does not answer in time, with too much, or
 * is being asked by too many. ret_identity is untouched unless HUM_OK. Any thread. */
HUM_MUSTCHECK enum hum_status provider_identity(struct provider *provider,
                                                const struct provider_grant *grant,
                                                struct identity *ret_identity);

/* What became of the calls of provider_identity, since the start. */
struct provider_numbers {
    uint64_t known, refused, unavailable;
};
/* Any thread. */
void provider_count(const struct provider *provider, struct provider_numbers *ret_numbers);

#endif
