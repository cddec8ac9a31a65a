#include "folder.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "segment.h"

static char root[64];
static unsigned folders;

static void remove_root(void) {
    char command[100];

    snprintf(command, sizeof command, "rm -rf %s", root);
    if (system(command) != 0) {
        fprintf(stderr, "cannot remove %s\n", root);
    }
}

static void make_root(void) {
    if (!root[0]) {
        snprintf(root, sizeof root, "%s/hum-fuzz-XXXXXX",
                 access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
        CHECK(mkdtemp(root));
        atexit(remove_root);
    }
}

void folder_make(char path[FOLDER_PATH]) {
    make_root();
    snprintf(path, FOLDER_PATH, "%s/%u", root, folders++);
    CHECK(mkdir(path, 0700) == 0);
}

typedef void visitor(const char *path, const char *name, void *arg);

static void visit(const char *path, visitor *each, void *arg) {
    DIR *dir = opendir(path);
    const struct dirent *entry;

    CHECK(dir);
    while ((entry = readdir(dir))) {
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0) {
            each(path, entry->d_name, arg);
        }
    }
    closedir(dir);
}

static void join(char out[FILE_PATH], const char *path, const char *name) {
    CHECK(snprintf(out, FILE_PATH, "%s/%s", path, name) < FILE_PATH);
}

static void remove_one(const char *path, const char *name, void *arg) {
    char file[FILE_PATH];

    (void)arg;
    join(file, path, name);
    CHECK(unlink(file) == 0);
}

void folder_remove(const char *path) {
    visit(path, remove_one, NULL);
    CHECK(rmdir(path) == 0);
}

/* A file that the journal's own thread has just renamed or removed is not there: nor would it be
 * after a kill. */
static void link_one(const char *path, const char *name, void *arg) {
    char from[FILE_PATH], to[FILE_PATH];

    join(from, path, name);
    join(to, arg, name);
    (void)!link(from, to);
}

void folder_link(const char *path, char ret_path[FOLDER_PATH]) {
    folder_make(ret_path);
    visit(path, link_one, ret_path);
}

struct list {
    struct file *files;
    size_t count;
};

static void list_one(const char *path, const char *name, void *arg) {
    struct list *list = arg;
    struct file file;
    char full[FILE_PATH];
    struct stat info;

    join(full, path, name);
    if (list->count < FILES_MAX && segment_parse_name(name, &file.start) &&
        stat(full, &info) == 0) {
        file.size = (size_t)info.st_size;
        list->files[list->count++] = file;
    }
}

static int by_start(const void *a, const void *b) {
    uint64_t x = ((const struct file *)a)->start, y = ((const struct file *)b)->start;

    return (x > y) - (x < y);
}

size_t folder_list(const char *path, struct file list[FILES_MAX]) {
    struct list found = {list, 0};

    visit(path, list_one, &found);
    qsort(list, found.count, sizeof list[0], by_start);
    return found.count;
}

size_t folder_bytes(const char *path) {
    struct file list[FILES_MAX];
    size_t count = folder_list(path, list), bytes = 0;

    for (size_t i = 0; i < count; i++) {
        bytes += list[i].size;
    }
    return bytes;
}

void folder_file(const char *path, uint64_t start, char ret_path[FILE_PATH]) {
    CHECK(snprintf(ret_path, FILE_PATH, "%s/%016llx.seg", path, (unsigned long long)start) <
          FILE_PATH);
}

struct str file_read(const char *path) {
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    struct stat info;

    if (fd < 0) {
        return exact("", 0);
    }
    CHECK(fstat(fd, &info) == 0);
    size_t size = (size_t)info.st_size;
    char *bytes = malloc(size + 1);
    CHECK(bytes && read(fd, bytes, size) == (ssize_t)size);
    close(fd);
    return (struct str){bytes, size};
}

void file_flip(const char *path, size_t at, uint8_t bits) {
    int fd = open(path, O_RDWR | O_CLOEXEC);
    uint8_t byte;

    if (fd < 0) {
        return;
    }
    if (pread(fd, &byte, 1, (off_t)at) == 1) {
        byte ^= bits;
        CHECK(pwrite(fd, &byte, 1, (off_t)at) == 1);
    }
    close(fd);
}

void file_write(const char *path, const void *bytes, size_t len) {
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

    CHECK(fd >= 0 && write(fd, bytes, len) == (ssize_t)len);
    close(fd);
}
