/* How often anybody may do what: every rate of the API, and who has used up which. All of it is in
 * bounded memory, by keys that a random key makes (SipHash), so that nobody can choose whom they
 * share a place with; what happens where there is no room is in buckets.h and siege.h. Any thread.
 *
 * Each of these returns the whole seconds to wait, as Retry-After tells them; 0: go on. */
#ifndef HUM_THROTTLE_H
#define HUM_THROTTLE_H

#include "address.h"
#include "buf.h"
#include "status.h"

/* name, what it counts by, so many, in milliseconds, so many at once, slots.
 * Many people may share an IPv4 address, so an address has more calls than a user. An IPv6 address
 * is its /64; a network is a /24 of IPv4 or a /48 of IPv6, what one customer may well hold. */
#define THROTTLE_MAP(X)                                                                            \
    X(CALLS_USER, "calls", "user", 100, 1000, 300, 32768)                                          \
    X(CALLS_ADDRESS, "calls", "address", 200, 1000, 1000, 32768)                                   \
    X(CHECKS_ADDRESS, "checks", "address", 50, 1000, 100, 32768)                                   \
    X(PROBES_ADDRESS, "probes", "address", 50, 1000, 100, 4096)                                    \
    X(MESSAGES_USER, "messages", "user", 20, 1000, 60, 32768)                                      \
    X(SIGN_INS_ADDRESS, "sign_ins", "address", 60, 60000, 60, 32768)                               \
    X(SIGN_INS_NETWORK, "sign_ins", "network", 300, 60000, 300, 16384)                             \
    X(REGISTRATIONS_ADDRESS, "registrations", "address", 20, 3600000, 20, 32768)                   \
    X(REGISTRATIONS_NETWORK, "registrations", "network", 100, 3600000, 100, 16384)                 \
    X(MAILS_HOME, "mails", "account_home", 5, 3600000, 5, 16384)                                   \
    X(MAILS_ABROAD, "mails", "account_network", 3, 3600000, 3, 32768)                              \
    X(MAILS_ACCOUNT, "mails", "account", 20, 3600000, 20, 32768)                                   \
    X(MAILS_ADDRESS, "mails", "address", 20, 3600000, 20, 32768)                                   \
    X(MAILS_NETWORK, "mails", "network", 100, 3600000, 100, 16384)                                 \
    X(OAUTH_ADDRESS, "oauth", "address", 60, 60000, 60, 32768)                                     \
    X(OAUTH_NETWORK, "oauth", "network", 300, 60000, 300, 16384)                                   \
    X(PASSWORDS_SESSION, "passwords", "session", 10, 60000, 10, 32768)                             \
    X(TOKENS_ADDRESS, "tokens", "address", 60, 60000, 60, 32768)

struct throttle;

/* on false: nothing is limited. HUM_INTERNAL: no memory. */
HUM_MUSTCHECK enum hum_status throttle_new(bool on, struct throttle **ret_throttle);
/* NULL is fine. */
void throttle_free(struct throttle *throttle);

/* A call by a user; 0: by nobody who is known, which counts for the address. */
int throttle_call(struct throttle *throttle, const struct address *from, int64_t user);
/* Somebody shows a token that is not known here, and to check it costs. Nothing is taken: a good
 * one counts for its user. An address that has no calls left has a few checks set aside, so that a
 * flood without tokens, or with known ones, keeps nobody else there from showing who they are. */
int throttle_check(struct throttle *throttle, const struct address *from);
/* That token was bad: a call by nobody who is known, or one of the checks that were set aside, and
 * then there is a wait all the same. */
int throttle_bad_token(struct throttle *throttle, const struct address *from);
/* A probe of whether this process is alive, or ready. */
int throttle_probe(struct throttle *throttle, const struct address *from);
/* A message by REST. */
int throttle_message(struct throttle *throttle, int64_t user);
/* A password is to be tried for an account, whether that exists or not. email: as it was typed.
 * *ret_home: where the account is at home (siege.h), or nothing is limited. */
int throttle_sign_in(struct throttle *throttle, const struct address *from, struct str email,
                     bool *ret_home);
/* Somebody is this account's owner beyond doubt: just signed in, refreshed, came by a mail's link.
 * From this address and network attacks on the account slow nobody down from now on. */
void throttle_owner(struct throttle *throttle, const struct address *from, struct str email);
int throttle_register(struct throttle *throttle, const struct address *from);
/* Somebody wants a mail of a kind (any small number; each is counted for itself) sent to an address
 * that has an account, or not. *ret_send false: it has had its mails of this hour, so none is sent,
 * and the caller is told what they always are: whether there is an account must not show. What
 * strangers ask for does not count where the account is at home (siege.h), so that nobody can keep
 * the owner from "forgot password". */
int throttle_mail(struct throttle *throttle, const struct address *from, int kind, struct str email,
                  bool *ret_send);
/* A step of signing in by another provider. */
int throttle_oauth(struct throttle *throttle, const struct address *from);
/* A signed-in user's password is to be tried (to erase the account, to change it). By session, so
 * that who has stolen one cannot keep the owner from it on another. */
int throttle_password(struct throttle *throttle, int64_t session);
/* A single-use token (of a mail, of a sign-in by another provider) is to be tried. */
int throttle_token(struct throttle *throttle, const struct address *from);

/* Everything that is counted, for Prometheus. */
void throttle_write(struct throttle *throttle, struct buf *out);

#endif
