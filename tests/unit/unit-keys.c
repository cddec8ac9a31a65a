/* Folders of keys: what is a key, which one signs, what is refused. */
#include "unit.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "keys.h"

static char folder[64];

static int make_folder(void **state) {
    (void)state;
    strcpy(folder, "/tmp/unit-keys-XXXXXX");
    return mkdtemp(folder) ? 0 : -1;
}

static int remove_folder(void **state) {
    char command[100];

    (void)state;
    snprintf(command, sizeof command, "rm -rf %s", folder);
    return system(command);
}

static const char *path_of(const char *name) {
    static char path[200];

    snprintf(path, sizeof path, "%s/%s", folder, name);
    return path;
}

static void put(const char *name, char fill, size_t len) {
    FILE *file = fopen(path_of(name), "w");

    assert_non_null(file);
    for (size_t i = 0; i < len; i++) {
        fputc(fill, file);
    }
    assert_int_equal(fclose(file), 0);
}

static void assert_refused(enum hum_status status) {
    struct keys keys, before;

    memset(&keys, 0x5a, sizeof keys);
    before = keys;
    assert_int_equal(keys_load(folder, &keys), status);
    assert_memory_equal(&keys, &before, sizeof keys);
}

static void test_no_folder_and_no_key(void **state) {
    struct keys keys;

    (void)state;
    assert_refused(HUM_NOT_FOUND);
    assert_int_equal(keys_load(path_of("absent"), &keys), HUM_NOT_FOUND);
    put("file", 'x', 32);
    assert_int_equal(keys_load(path_of("file"), &keys), HUM_NOT_FOUND);
}

static void test_other_files_are_passed_over(void **state) {
    (void)state;
    put("README", 'x', 5);
    put(".key", 'x', 32);
    put(".hidden.key", 'x', 32);
    put("a.key.new", 'x', 7);
    put("a.keys", 'x', 32);
    put("akey", 'x', 32);
    assert_refused(HUM_NOT_FOUND);
}

static void test_keys_are_sorted_and_found(void **state) {
    struct keys keys;

    (void)state;
    put("20260102T000000Z.key", 'b', 32);
    put("20260101T000000Z.key", 'a', 32);
    put("20260103T000000Z.key", 'c', 32);
    put("ABCDEFGHIJKLMNOPQRSTUVWXYZ-abcde.key", 'z', 32); /* 32 characters */
    assert_int_equal(keys_load(folder, &keys), HUM_OK);
    assert_int_equal(keys.count, 4);
    assert_string_equal(keys.list[0].kid, "20260101T000000Z");
    assert_string_equal(keys_newest(&keys)->kid, "ABCDEFGHIJKLMNOPQRSTUVWXYZ-abcde");
    for (size_t i = 0; i < 4; i++) {
        const struct key *key = keys_find(&keys, keys.list[i].kid);

        assert_ptr_equal(key, &keys.list[i]);
        for (size_t j = 0; j < KEY_LEN; j++) {
            assert_int_equal(key->bytes[j], "abcz"[i]);
        }
    }
    assert_null(keys_find(&keys, ""));
    assert_null(keys_find(&keys, "20260101T000000"));
    assert_null(keys_find(&keys, "20260101T000000Z "));
    assert_null(keys_find(&keys, "../20260101T000000Z"));
    keys_wipe(&keys);
    assert_int_equal(keys.count, 0);
    for (size_t i = 0; i < sizeof keys; i++) {
        assert_int_equal(((const unsigned char *)&keys)[i], 0);
    }
}

/* One file that is no key spoils the folder: a key that was cut short must not go unseen. */
static void test_files_that_are_no_keys(void **state) {
    static const struct {
        const char *name;
        size_t len;
    } cases[] = {
        {"b.key", 0},
        {"b.key", 31},
        {"b.key", 33},
        {"b.key", 64},
        {"b.b.key", 32},
        {"b b.key", 32},
        {"b_.key", 32},
        {"..b.key", 0},
        {"b\n.key", 32},
        {"\xc3\xa4.key", 32},
        {"ABCDEFGHIJKLMNOPQRSTUVWXYZ-abcdef.key", 32}, /* 33 characters */
    };

    (void)state;
    put("a.key", 'a', 32);
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct keys keys;

        put(cases[i].name, 'x', cases[i].len);
        if (cases[i].name[0] == '.') {
            assert_int_equal(keys_load(folder, &keys), HUM_OK);
        } else {
            assert_refused(HUM_INVALID_REQUEST);
        }
        assert_int_equal(unlink(path_of(cases[i].name)), 0);
    }
    assert_int_equal(symlink("a.key", path_of("b.key")), 0);
    assert_refused(HUM_INVALID_REQUEST);
    assert_int_equal(unlink(path_of("b.key")), 0);
    assert_int_equal(mkdir(path_of("c.key"), 0700), 0);
    assert_refused(HUM_INVALID_REQUEST);
}

static void test_as_many_as_fit(void **state) {
    struct keys keys;
    char name[16];

    (void)state;
    for (int i = 0; i < KEY_MAX; i++) {
        snprintf(name, sizeof name, "%d.key", i);
        put(name, 'x', 32);
    }
    assert_int_equal(keys_load(folder, &keys), HUM_OK);
    assert_int_equal(keys.count, KEY_MAX);
    assert_string_equal(keys_newest(&keys)->kid, "7");
    put("8.key", 'x', 32);
    assert_refused(HUM_INVALID_REQUEST);
}

static void test_ensure_makes_one_key(void **state) {
    char inner[100];
    struct keys keys, again;
    struct stat info;

    (void)state;
    strcpy(inner, path_of("mqtt"));
    assert_int_equal(keys_ensure(inner), HUM_OK);
    assert_int_equal(stat(inner, &info), 0);
    assert_int_equal(info.st_mode & 07777, 0700);
    assert_int_equal(keys_load(inner, &keys), HUM_OK);
    assert_int_equal(keys.count, 1);
    assert_int_equal(strlen(keys.list[0].kid), strlen("20260101T000000Z"));
    snprintf(folder + strlen(folder), 6, "/mqtt");
    char file[64];
    snprintf(file, sizeof file, "%s.key", keys.list[0].kid);
    assert_int_equal(stat(path_of(file), &info), 0);
    assert_int_equal(info.st_mode & 07777, 0600);
    assert_int_equal(info.st_size, KEY_LEN);
    folder[strlen(folder) - strlen("/mqtt")] = '\0';

    assert_int_equal(keys_ensure(inner), HUM_OK);
    assert_int_equal(keys_load(inner, &again), HUM_OK);
    assert_memory_equal(&keys, &again, sizeof keys);
}

static void test_ensure_leaves_a_bad_folder_alone(void **state) {
    (void)state;
    put("a.key", 'x', 31);
    assert_int_equal(keys_ensure(folder), HUM_INVALID_REQUEST);
    assert_int_equal(keys_ensure(path_of("absent/mqtt")), HUM_INTERNAL);
}

static void test_two_keys_are_not_the_same(void **state) {
    struct keys one, two;
    char a[100], b[100];

    (void)state;
    strcpy(a, path_of("a"));
    strcpy(b, path_of("b"));
    assert_int_equal(keys_ensure(a), HUM_OK);
    assert_int_equal(keys_ensure(b), HUM_OK);
    assert_int_equal(keys_load(a, &one), HUM_OK);
    assert_int_equal(keys_load(b, &two), HUM_OK);
    assert_memory_not_equal(one.list[0].bytes, two.list[0].bytes, KEY_LEN);
}

static void test_times(void **state) {
    static const char *const none[] = {"",
                                       "1",
                                       "x",
                                       "20260101T000000",
                                       "20260101T000000Zx",
                                       "20260101T000000z",
                                       "20260101 000000Z",
                                       "20261301T000000Z",
                                       "20260230T000000Z",
                                       "20260101T240000Z",
                                       "20260101T000060Z",
                                       " 2026011T000000Z",
                                       "+2026101T000000Z",
                                       "19700101T000000Z",
                                       "19690101T000000Z"};

    (void)state;
    assert_int_equal(keyfile_time("19700101T000001Z"), 1);
    assert_int_equal(keyfile_time("20261121T153415Z"), 1795275255);
    for (size_t i = 0; i < COUNT(none); i++) {
        assert_int_equal(keyfile_time(none[i]), 0);
    }
}

static void test_the_next_kid_is_greater(void **state) {
    char kid[KID_MAX + 1];

    (void)state;
    assert_int_equal(keyfile_next(NULL, 1795275255, kid), HUM_OK);
    assert_string_equal(kid, "20261121T153415Z");
    assert_int_equal(keyfile_next("20261121T153414Z", 1795275255, kid), HUM_OK);
    assert_string_equal(kid, "20261121T153415Z");
    assert_int_equal(keyfile_next("20261121T153415Z", 1795275255, kid), HUM_OK);
    assert_string_equal(kid, "20261121T153416Z");
    assert_int_equal(keyfile_next("20261231T235959Z", 1795275255, kid), HUM_OK);
    assert_string_equal(kid, "20270101T000000Z");
    assert_int_equal(keyfile_next("zz", 1795275255, kid), HUM_INVALID_REQUEST);
}

/* Known, but the older one signs until it is put to use. */
static void test_a_key_that_is_to_sign_next(void **state) {
    struct keys keys;
    char kid[KID_MAX + 1];

    (void)state;
    put("20260102T000000Z.next", 'b', 32);
    assert_refused(HUM_NOT_FOUND);
    put("20260101T000000Z.key", 'a', 32);
    assert_int_equal(keys_load(folder, &keys), HUM_OK);
    assert_int_equal(keys.count, 2);
    assert_string_equal(keys_newest(&keys)->kid, "20260101T000000Z");
    assert_int_equal(keys_find(&keys, "20260102T000000Z")->bytes[0], 'b');
    assert_int_equal(keys_use_next(folder), HUM_OK);
    assert_int_equal(keys_use_next(folder), HUM_NOT_FOUND);
    assert_int_equal(keys_load(folder, &keys), HUM_OK);
    assert_string_equal(keys_newest(&keys)->kid, "20260102T000000Z");
    assert_int_equal(keys_add(folder, true, kid), HUM_OK);
    assert_int_equal(keys_load(folder, &keys), HUM_OK);
    assert_int_equal(keys.count, 3);
    assert_string_equal(keys.list[2].kid, kid);
    assert_int_equal(keys_prune(folder, 1000000000), HUM_OK);
    assert_int_equal(keys_load(folder, &keys), HUM_OK);
    assert_int_equal(keys.count, 2);
}

#define IN_A_FOLDER(test) cmocka_unit_test_setup_teardown(test, make_folder, remove_folder)

int main(void) {
    const struct CMUnitTest tests[] = {
        IN_A_FOLDER(test_no_folder_and_no_key),
        IN_A_FOLDER(test_other_files_are_passed_over),
        IN_A_FOLDER(test_keys_are_sorted_and_found),
        IN_A_FOLDER(test_files_that_are_no_keys),
        IN_A_FOLDER(test_as_many_as_fit),
        IN_A_FOLDER(test_ensure_makes_one_key),
        IN_A_FOLDER(test_ensure_leaves_a_bad_folder_alone),
        IN_A_FOLDER(test_two_keys_are_not_the_same),
        cmocka_unit_test(test_times),
        cmocka_unit_test(test_the_next_kid_is_greater),
        IN_A_FOLDER(test_a_key_that_is_to_sign_next),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
