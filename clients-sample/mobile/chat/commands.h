/* What one can type: each command's function, by the file it stands in. argv has at least the
 * command's least number of words; the others are "". */
#ifndef HUM_CHAT_COMMANDS_H
#define HUM_CHAT_COMMANDS_H

#include "chat.h"

enum { WORDS_MAX = 3 };

typedef void command(struct chat *chat, char *argv[WORDS_MAX]);

/* account.c */
command account_sign_up, account_sign_in, account_sign_out, account_devices, account_profile,
    account_about, account_nickname;
/* people.c */
command people_list, people_add, people_accept, people_decline, people_remove, people_search,
    people_block, people_unblock, people_blocked, people_who;
/* servers.c */
command servers_list, servers_create, servers_delete, servers_join, servers_leave, servers_invite,
    servers_invites, servers_code, servers_redeem, servers_members, servers_post, servers_channels,
    servers_channel;
/* talk.c */
command talk_rooms, talk_open_room, talk_close, talk_older, talk_reply, talk_edit, talk_delete,
    talk_again, talk_forget, talk_notices, talk_figures, talk_pause, talk_resume;
/* commands.c */
command commands_help, commands_quit;

#endif
