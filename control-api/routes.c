#include "routes.h"

#include "handlers/auth.h"
#include "handlers/health.h"
#include "handlers/jwks.h"

const struct route routes[] = {
    {"POST", "/v1/auth/register", OPEN, BODY_DEFAULT, handle_register},
    {"POST", "/v1/auth/login", OPEN, BODY_DEFAULT, handle_login},
    {"POST", "/v1/auth/refresh", OPEN, BODY_DEFAULT, handle_refresh},
    {"POST", "/v1/auth/logout", SIGNED_IN, NO_BODY, handle_logout},
    {"GET", "/.well-known/jwks.json", OPEN, NO_BODY, handle_jwks},
    {"GET", "/health/live", OPEN, NO_BODY, handle_health_live},
    {"GET", "/health/ready", OPEN, NO_BODY, handle_health_ready},
};
const size_t routes_count = sizeof routes / sizeof routes[0];
