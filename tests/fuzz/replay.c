/* Gives the files of a corpus to a fuzz target, for builds without libFuzzer.
 * Usage: fuzz-TARGET FILE|FOLDER... */
#include "fuzz.h"

#include <dirent.h>

static size_t replayed;

static void replay_file(const char *path) {
    FILE *file = fopen(path, "rb");
    static uint8_t bytes[1 << 20];

    CHECK(file);
    size_t size = fread(bytes, 1, sizeof bytes, file);
    fclose(file);
    struct str input = exact(bytes, size);
    fprintf(stderr, "%s\n", path);
    LLVMFuzzerTestOneInput((const uint8_t *)input.data, input.len);
    exact_free(input);
    replayed++;
}

static void replay(const char *path) {
    DIR *dir = opendir(path);
    const struct dirent *entry;

    if (!dir) {
        replay_file(path);
        return;
    }
    while ((entry = readdir(dir))) {
        char file[4096];

        if (entry->d_name[0] != '.') {
            snprintf(file, sizeof file, "%s/%s", path, entry->d_name);
            replay_file(file);
        }
    }
    closedir(dir);
}

int main(int count, char **paths) {
    for (int i = 1; i < count; i++) {
        replay(paths[i]);
    }
    printf("%zu replayed\n", replayed);
    return replayed > 0 ? 0 : 1;
}
