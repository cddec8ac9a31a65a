/* Lists: {"items":[…],"next":cursor or null}. A page is asked for with one row more than it shows,
 * which tells whether there is a next one. */
#ifndef HUM_HANDLERS_LIST_H
#define HUM_HANDLERS_LIST_H

#include "buf.h"

void list_begin(struct buf *out);
/* Before each item; i: its number, from 0. */
void list_item(struct buf *out, size_t i);
/* next: .data NULL for none. */
void list_end(struct buf *out, struct str next);
/* next: the id that the next page comes after; 0 for none. */
void list_end_id(struct buf *out, int64_t next);

#endif
