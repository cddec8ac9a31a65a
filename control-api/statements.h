/* All SQL of the control API, so that a test can prepare every statement on a migrated database. */
#ifndef HUM_STATEMENTS_H
#define HUM_STATEMENTS_H

#include <stdio.h>

/* Prints a line for each: its name, a tab, its text. */
void statements_print(FILE *out);

#endif
