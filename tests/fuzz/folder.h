/* Folders of the journal's files, in memory where the system has that, for the targets that need
 * real ones. */
#ifndef HUM_FUZZ_FOLDER_H
#define HUM_FUZZ_FOLDER_H

#include "fuzz.h"

enum { FOLDER_PATH = 128, FILE_PATH = 200 };

/* A new empty folder; removed at exit, should it still be there. */
void folder_make(char path[FOLDER_PATH]);
void folder_remove(const char *path);
/* A new folder with the same files: what a kill leaves at this instant. */
void folder_link(const char *path, char ret_path[FOLDER_PATH]);

/* A segment's file. */
struct file {
    uint64_t start;
    size_t size;
};

enum { FILES_MAX = 256 };

/* The segments of a folder, ascending. Returns how many. */
size_t folder_list(const char *path, struct file list[FILES_MAX]);
size_t folder_bytes(const char *path);
void folder_file(const char *path, uint64_t start, char ret_path[FILE_PATH]);
/* Reads a file whole, freed with exact_free; one that is not there is empty. */
struct str file_read(const char *path);
/* Turns bits of one byte; past the end, or without the file: nothing. */
void file_flip(const char *path, size_t at, uint8_t bits);
void file_write(const char *path, const void *bytes, size_t len);

#endif
