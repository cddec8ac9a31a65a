#include "routes.h"

#include "handlers/auth.h"
#include "handlers/avatars.h"
#include "handlers/blocks.h"
#include "handlers/channels.h"
#include "handlers/dms.h"
#include "handlers/events.h"
#include "handlers/export.h"
#include "handlers/friends.h"
#include "handlers/health.h"
#include "handlers/invites.h"
#include "handlers/jwks.h"
#include "handlers/mail.h"
#include "handlers/members.h"
#include "handlers/messages.h"
#include "handlers/metrics.h"
#include "handlers/oauth.h"
#include "handlers/pages.h"
#include "handlers/rooms.h"
#include "handlers/servers.h"
#include "handlers/sessions.h"
#include "handlers/sync.h"
#include "handlers/users.h"
#include "message.h"

const struct route routes[] = {
    {"POST", "/v1/auth/register", OPEN, BODY_DEFAULT, handle_register},
    {"POST", "/v1/auth/login", OPEN, BODY_DEFAULT, handle_login},
    {"POST", "/v1/auth/refresh", OPEN, BODY_DEFAULT, handle_refresh},
    {"POST", "/v1/auth/email/verify", OPEN, BODY_DEFAULT, handle_email_verify},
    {"POST", "/v1/auth/email/resend", OPEN, BODY_DEFAULT, handle_email_resend},
    {"POST", "/v1/auth/email", SIGNED_IN, BODY_DEFAULT, handle_email_change},
    {"POST", "/v1/auth/password/forgot", OPEN, BODY_DEFAULT, handle_password_forgot},
    {"POST", "/v1/auth/password/reset", OPEN, BODY_DEFAULT, handle_password_reset},
    {"POST", "/v1/auth/logout", SIGNED_IN, NO_BODY, handle_logout},
    {"GET", "/v1/auth/sessions", SIGNED_IN, NO_BODY, handle_sessions_list},
    {"DELETE", "/v1/auth/sessions/{id}", SIGNED_IN, NO_BODY, handle_session_end},
    {"POST", "/v1/auth/password", SIGNED_IN, BODY_DEFAULT, handle_password_change},
    {"POST", "/v1/auth/introspect", SERVICE, BODY_DEFAULT, handle_introspect},
    {"POST", "/v1/auth/oauth", OPEN, BODY_DEFAULT, handle_oauth_sign_in},
    {"GET", "/v1/auth/oauth/providers", OPEN, NO_BODY, handle_oauth_providers},
    {"GET", "/v1/auth/oauth/{provider}/authorize", OPEN, NO_BODY, handle_oauth_authorize},
    {"GET", "/v1/auth/oauth/{provider}/callback", OPEN, NO_BODY, handle_oauth_callback},
    {"GET", "/v1/auth/identities", SIGNED_IN, NO_BODY, handle_identities_list},
    {"POST", "/v1/auth/identities", SIGNED_IN, BODY_DEFAULT, handle_identity_link},
    {"DELETE", "/v1/auth/identities/{id}", SIGNED_IN, NO_BODY, handle_identity_unlink},
    {"GET", "/v1/users/me", SIGNED_IN, NO_BODY, handle_me_get},
    {"PATCH", "/v1/users/me", SIGNED_IN, BODY_DEFAULT, handle_me_patch},
    {"DELETE", "/v1/users/me", SIGNED_IN, BODY_DEFAULT, handle_me_delete},
    {"GET", "/v1/users/me/export", SIGNED_IN, NO_BODY, handle_me_export},
    {"PUT", "/v1/users/me/avatar", SIGNED_IN, BODY_PICTURE, handle_avatar_put},
    {"DELETE", "/v1/users/me/avatar", SIGNED_IN, NO_BODY, handle_avatar_delete},
    {"GET", "/v1/users/{id}/avatar", OPEN, NO_BODY, handle_avatar_get},
    {"GET", "/v1/users/search", SIGNED_IN, NO_BODY, handle_users_search},
    {"GET", "/v1/users/{id}", SIGNED_IN, NO_BODY, handle_user_get},
    {"POST", "/v1/friends/requests", SIGNED_IN, BODY_DEFAULT, handle_friend_request},
    {"DELETE", "/v1/friends/requests/{id}", SIGNED_IN, NO_BODY, handle_friend_withdraw},
    {"POST", "/v1/friends/requests/{id}/accept", SIGNED_IN, NO_BODY, handle_friend_accept},
    {"POST", "/v1/friends/requests/{id}/decline", SIGNED_IN, NO_BODY, handle_friend_decline},
    {"GET", "/v1/friends", SIGNED_IN, NO_BODY, handle_friends_list},
    {"DELETE", "/v1/friends/{id}", SIGNED_IN, NO_BODY, handle_friend_remove},
    {"PUT", "/v1/blocks/{id}", SIGNED_IN, NO_BODY, handle_block_put},
    {"DELETE", "/v1/blocks/{id}", SIGNED_IN, NO_BODY, handle_block_delete},
    {"GET", "/v1/blocks", SIGNED_IN, NO_BODY, handle_blocks_list},
    {"POST", "/v1/dms", SIGNED_IN, BODY_DEFAULT, handle_dm_open},
    {"POST", "/v1/servers", SIGNED_IN, BODY_DEFAULT, handle_server_create},
    {"GET", "/v1/servers/search", SIGNED_IN, NO_BODY, handle_servers_search},
    {"GET", "/v1/servers/{id}", SIGNED_IN, NO_BODY, handle_server_get},
    {"PATCH", "/v1/servers/{id}", SIGNED_IN, BODY_DEFAULT, handle_server_patch},
    {"DELETE", "/v1/servers/{id}", SIGNED_IN, NO_BODY, handle_server_delete},
    {"GET", "/v1/users/me/servers", SIGNED_IN, NO_BODY, handle_servers_list},
    {"PUT", "/v1/servers/{id}/members/me", SIGNED_IN, NO_BODY, handle_member_join},
    {"DELETE", "/v1/servers/{id}/members/me", SIGNED_IN, NO_BODY, handle_member_leave},
    {"GET", "/v1/servers/{id}/members", SIGNED_IN, NO_BODY, handle_members_list},
    {"DELETE", "/v1/servers/{id}/members/{id}", SIGNED_IN, NO_BODY, handle_member_remove},
    {"GET", "/v1/servers/{id}/bans", SIGNED_IN, NO_BODY, handle_bans_list},
    {"GET", "/v1/servers/{id}/bans/{id}", SIGNED_IN, NO_BODY, handle_ban_get},
    {"DELETE", "/v1/servers/{id}/bans/{id}", SIGNED_IN, NO_BODY, handle_ban_lift},
    {"POST", "/v1/servers/{id}/invites", SIGNED_IN, BODY_DEFAULT, handle_invite_send},
    {"GET", "/v1/invites", SIGNED_IN, NO_BODY, handle_invites_list},
    {"POST", "/v1/invites/{id}/accept", SIGNED_IN, NO_BODY, handle_invite_accept},
    {"POST", "/v1/invites/{id}/decline", SIGNED_IN, NO_BODY, handle_invite_decline},
    {"POST", "/v1/servers/{id}/invite-codes", SIGNED_IN, BODY_DEFAULT, handle_code_create},
    {"POST", "/v1/invite-codes/{code}/redeem", SIGNED_IN, NO_BODY, handle_code_redeem},
    {"POST", "/v1/servers/{id}/channels", SIGNED_IN, BODY_DEFAULT, handle_channel_create},
    {"GET", "/v1/servers/{id}/channels", SIGNED_IN, NO_BODY, handle_channels_list},
    {"DELETE", "/v1/channels/{id}", SIGNED_IN, NO_BODY, handle_channel_delete},
    {"PUT", "/v1/channels/{id}/members/me", SIGNED_IN, NO_BODY, handle_channel_join},
    {"DELETE", "/v1/channels/{id}/members/me", SIGNED_IN, NO_BODY, handle_channel_leave},
    {"GET", "/v1/channels/{id}/members", SIGNED_IN, NO_BODY, handle_channel_members},
    {"GET", "/v1/rooms", SIGNED_IN, NO_BODY, handle_rooms_list},
    {"GET", "/v1/rooms/{id}", SIGNED_IN, NO_BODY, handle_room_get},
    {"PUT", "/v1/rooms/{id}/read", SIGNED_IN, BODY_DEFAULT, handle_room_read},
    {"GET", "/v1/rooms/{id}/messages", SIGNED_IN, NO_BODY, handle_messages_list},
    {"POST", "/v1/rooms/{id}/messages", SENDER, MESSAGE_PAYLOAD_MAX, handle_message_send},
    {"PATCH", "/v1/rooms/{id}/messages/{id}", SIGNED_IN, MESSAGE_PAYLOAD_MAX, handle_message_edit},
    {"DELETE", "/v1/rooms/{id}/messages/{id}", SIGNED_IN, NO_BODY, handle_message_delete},
    {"GET", "/v1/notifications", SIGNED_IN, NO_BODY, handle_notifications_list},
    {"PUT", "/v1/notifications/read", SIGNED_IN, BODY_DEFAULT, handle_notifications_read},
    {"POST", "/v1/sync", SIGNED_IN, BODY_DEFAULT, handle_sync},
    {"GET", "/v1/events", SERVICE, NO_BODY, handle_events_list},
    {"GET", "/.well-known/jwks.json", OPEN, NO_BODY, handle_jwks},
    {"GET", "/health/live", PROBE, NO_BODY, handle_health_live},
    {"GET", "/health/ready", PROBE, NO_BODY, handle_health_ready},
    {"GET", "/metrics", OPEN, NO_BODY, handle_metrics},
    {"GET", "/", OPEN, NO_BODY, handle_page},
    {"GET", "/desktop/app.js", OPEN, NO_BODY, handle_page},
    {"GET", "/desktop/mqtt.js", OPEN, NO_BODY, handle_page},
    {"GET", "/desktop/app.css", OPEN, NO_BODY, handle_page},
    {"GET", "/desktop/icon.svg", OPEN, NO_BODY, handle_page},
    {"GET", "/openapi.yaml", OPEN, NO_BODY, handle_page},
    {"GET", "/asyncapi.yaml", OPEN, NO_BODY, handle_page},
    {"GET", "/docs", OPEN, NO_BODY, handle_page},
    {"GET", "/docs/start.js", OPEN, NO_BODY, handle_page},
    {"GET", "/docs/swagger-ui-bundle.js", OPEN, NO_BODY, handle_page},
    {"GET", "/docs/swagger-ui.css", OPEN, NO_BODY, handle_page},
    {"GET", "/docs/favicon.png", OPEN, NO_BODY, handle_page},
    {"GET", "/verify", OPEN, NO_BODY, handle_page},
    {"GET", "/reset", OPEN, NO_BODY, handle_page},
    {"GET", "/change", OPEN, NO_BODY, handle_page},
    {"GET", "/link.js", OPEN, NO_BODY, handle_page},
    {"GET", "/link.css", OPEN, NO_BODY, handle_page},
};
const size_t routes_count = sizeof routes / sizeof routes[0];
