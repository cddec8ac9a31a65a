/* Other systems that sign in with a token from "hum service-token". */
#ifndef HUM_DOMAIN_SERVICES_H
#define HUM_DOMAIN_SERVICES_H

#include "pool.h"

/* Looks a token up, every time: one that is revoked is refused at once. ret_service: its id.
 * HUM_UNAUTHORIZED: none of ours, or revoked. */
HUM_MUSTCHECK enum hum_status services_check(struct lease *lease, struct str token,
                                             int64_t *ret_service);

#endif
