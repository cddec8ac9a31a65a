/* /blocks: who is blocked. */
#ifndef HUM_HANDLERS_BLOCKS_H
#define HUM_HANDLERS_BLOCKS_H

#include "http.h"

enum hum_status handle_block_put(struct request *request, struct reply *reply);
enum hum_status handle_block_delete(struct request *request, struct reply *reply);
enum hum_status handle_blocks_list(struct request *request, struct reply *reply);

#endif
