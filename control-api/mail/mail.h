/* Mails: of which kinds they are, and what their links are good for. The numbers are the
 * database's. */
#ifndef HUM_MAIL_H
#define HUM_MAIL_H

enum mail_kind {
    MAIL_VERIFY = 1,             /* to a new account's address: a link that shows it is theirs */
    MAIL_ALREADY_REGISTERED = 2, /* to the owner of an address that somebody has signed up with */
    MAIL_RESET = 3,              /* a link for a new password */
    MAIL_CHANGE_CONFIRM = 4,     /* to the new address: a link that makes it the account's */
    MAIL_ADDRESS_CHANGED = 5,    /* to the old one */
    MAIL_PASSWORD_CHANGED = 6,
    MAIL_IDENTITY_ADDED = 7, /* another provider signs in to the account */
    MAIL_KIND_END,
};

enum mail_purpose {
    MAIL_FOR_NOTHING = 0, /* no link */
    MAIL_FOR_VERIFY = 1,
    MAIL_FOR_RESET = 2,
    MAIL_FOR_CHANGE = 3,
    MAIL_FOR_SIGNUP = 4, /* of who has no account yet: a registration is its own token */
};

/* What the link of a kind is good for. */
enum mail_purpose mail_purpose_of(enum mail_kind kind);
/* How long it is, in seconds; 0 without one. */
int mail_life_s(enum mail_purpose purpose);

#endif
