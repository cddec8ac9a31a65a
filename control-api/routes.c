#include "routes.h"

#include "handlers/auth.h"
#include "handlers/dms.h"
#include "handlers/friends.h"
#include "handlers/health.h"
#include "handlers/jwks.h"
#include "handlers/messages.h"
#include "handlers/rooms.h"
#include "handlers/sync.h"
#include "handlers/users.h"
#include "message.h"

const struct route routes[] = {
    {"POST", "/v1/auth/register", OPEN, BODY_DEFAULT, handle_register},
    {"POST", "/v1/auth/login", OPEN, BODY_DEFAULT, handle_login},
    {"POST", "/v1/auth/refresh", OPEN, BODY_DEFAULT, handle_refresh},
    {"POST", "/v1/auth/logout", SIGNED_IN, NO_BODY, handle_logout},
    {"GET", "/v1/users/me", SIGNED_IN, NO_BODY, handle_me_get},
    {"PATCH", "/v1/users/me", SIGNED_IN, BODY_DEFAULT, handle_me_patch},
    {"GET", "/v1/users/search", SIGNED_IN, NO_BODY, handle_users_search},
    {"GET", "/v1/users/{id}", SIGNED_IN, NO_BODY, handle_user_get},
    {"POST", "/v1/friends/requests", SIGNED_IN, BODY_DEFAULT, handle_friend_request},
    {"DELETE", "/v1/friends/requests/{id}", SIGNED_IN, NO_BODY, handle_friend_withdraw},
    {"POST", "/v1/friends/requests/{id}/accept", SIGNED_IN, NO_BODY, handle_friend_accept},
    {"POST", "/v1/friends/requests/{id}/decline", SIGNED_IN, NO_BODY, handle_friend_decline},
    {"GET", "/v1/friends", SIGNED_IN, NO_BODY, handle_friends_list},
    {"DELETE", "/v1/friends/{id}", SIGNED_IN, NO_BODY, handle_friend_remove},
    {"POST", "/v1/dms", SIGNED_IN, BODY_DEFAULT, handle_dm_open},
    {"GET", "/v1/rooms", SIGNED_IN, NO_BODY, handle_rooms_list},
    {"GET", "/v1/rooms/{id}", SIGNED_IN, NO_BODY, handle_room_get},
    {"PUT", "/v1/rooms/{id}/read", SIGNED_IN, BODY_DEFAULT, handle_room_read},
    {"GET", "/v1/rooms/{id}/messages", SIGNED_IN, NO_BODY, handle_messages_list},
    {"POST", "/v1/rooms/{id}/messages", SIGNED_IN, MESSAGE_PAYLOAD_MAX, handle_message_send},
    {"POST", "/v1/sync", SIGNED_IN, BODY_DEFAULT, handle_sync},
    {"GET", "/.well-known/jwks.json", OPEN, NO_BODY, handle_jwks},
    {"GET", "/health/live", OPEN, NO_BODY, handle_health_live},
    {"GET", "/health/ready", OPEN, NO_BODY, handle_health_ready},
};
const size_t routes_count = sizeof routes / sizeof routes[0];
