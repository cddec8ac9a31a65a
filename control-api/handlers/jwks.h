/* /.well-known/jwks.json: the public keys of access tokens. */
#ifndef HUM_HANDLERS_JWKS_H
#define HUM_HANDLERS_JWKS_H

#include "http.h"

enum hum_status handle_jwks(struct request *request, struct reply *reply);

#endif
