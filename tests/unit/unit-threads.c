/* The plugin's threads with one another, for ThreadSanitizer and for what one thread alone does not
 * show: the journal between its three threads, many that post to the broker's one, and those of the
 * database started and stopped while there is none. */
#include "unit.h"

#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "clerk.h"
#include "journal.h"
#include "listener.h"
#include "writer.h"

static char folder[64];

static int make_folder(void **state) {
    (void)state;
    strcpy(folder, "/tmp/unit-threads-XXXXXX");
    return mkdtemp(folder) ? 0 : -1;
}

static int remove_folder(void **state) {
    char command[100];

    (void)state;
    snprintf(command, sizeof command, "rm -rf %s", folder);
    return system(command);
}

static pthread_t run(void *(*body)(void *), void *arg) {
    pthread_t thread;

    assert_int_equal(pthread_create(&thread, NULL, body, arg), 0);
    return thread;
}

static void end(pthread_t thread) { assert_int_equal(pthread_join(thread, NULL), 0); }

/* ---- The journal: one pushes, one reads and releases late, one looks at its numbers ---- */

enum { BYTES = 512 * 1024, MESSAGES = 30000, BATCH = 700 };

struct path {
    struct journal *journal;
    int64_t from, to;
    atomic_bool done;
    atomic_int refused;
};

static void ignore_line(void *arg, bool error, const char *line) {
    (void)arg;
    (void)error;
    (void)line;
}

static void *push_all(void *arg) {
    static char text[2000];
    struct path *path = arg;

    memset(text, 't', sizeof text);
    for (int64_t n = path->from; n <= path->to; n++) {
        const struct record record = {
            .sender = n, .nonce = str_of("nonce"), .text = {text, (size_t)n * 7919 % sizeof text}};

        while (journal_push(path->journal, &record) != HUM_OK) {
            atomic_fetch_add(&path->refused, 1);
            (void)poll(NULL, 0, 1);
        }
    }
    return NULL;
}

static void *look(void *arg) {
    struct path *path = arg;

    while (!atomic_load(&path->done)) {
        assert_true(journal_backlog(path->journal) <= 2 * BYTES);
        assert_false(journal_broken(path->journal));
        journal_wake(path->journal);
        (void)poll(NULL, 0, 1);
    }
    return NULL;
}

/* As the writer does: a batch is read, its texts are looked at again, and only then released. */
static void read_all(struct path *path) {
    static struct record batch[BATCH];
    int64_t next = path->from;

    while (next <= path->to) {
        size_t count = 0;

        journal_wait(path->journal, -1);
        while (count < BATCH && journal_read(path->journal, &batch[count])) {
            count++;
        }
        for (size_t i = 0; i < count; i++, next++) {
            assert_int_equal(batch[i].sender, next);
            assert_int_equal(batch[i].text.len, (size_t)next * 7919 % 2000);
            for (size_t n = 0; n < batch[i].text.len; n += 100) {
                assert_int_equal(batch[i].text.data[n], 't');
            }
        }
        if (count > 0) {
            journal_release(path->journal, batch[count / 2].position);
            journal_release(path->journal, journal_position(path->journal));
        }
    }
}

static void test_journal(void **state) {
    struct path path = {.to = 0};

    (void)state;
    for (int round = 0; round < 3; round++) {
        const struct journal_config config = {.folder = folder, .bytes = BYTES, .log = ignore_line};
        char error[200];

        path.journal = journal_open(&config, error, sizeof error);
        assert_non_null(path.journal);
        path.from = path.to + 1;
        path.to += MESSAGES / 3;
        atomic_store(&path.done, false);
        pthread_t pusher = run(push_all, &path), looker = run(look, &path);
        read_all(&path);
        end(pusher);
        atomic_store(&path.done, true);
        end(looker);
        assert_int_equal(journal_backlog(path.journal), 0);
        journal_close(path.journal);
    }
}

/* ---- The hub: many post, one takes ---- */

enum { POSTERS = 6, POSTS = 5000 };

struct poster {
    struct hub *hub;
    int64_t number;
};

/* A user's rights as the listener hands them over. */
static void post_rights(const struct poster *poster, int64_t seq) {
    struct set_item *item = item_new(ITEM_SET, sizeof *item);

    assert_non_null(item);
    item->set = access_set_new(poster->number + 1);
    assert_non_null(item->set);
    for (int64_t room = 1; room <= 20; room++) {
        const struct access_right right = {.room = room, .last_seq = seq, .rights = ACCESS_READ};

        assert_int_equal(access_set_right(item->set, &right), HUM_OK);
    }
    hub_post(poster->hub, item);
}

static void check_rights(const struct access_set *set) {
    for (int64_t room = 1; room <= 20; room++) {
        assert_int_equal(access_rights(set, room), ACCESS_READ);
    }
    assert_int_equal(access_rights(set, 21), 0);
}

static void *post_all(void *arg) {
    const struct poster *poster = arg;

    for (int64_t i = 1; i <= POSTS; i++) {
        struct head_item *item = item_new(ITEM_HEAD, sizeof *item);

        assert_non_null(item);
        item->room = poster->number;
        item->seq = i;
        hub_post(poster->hub, item);
        if (i % 50 == 0) {
            post_rights(poster, i);
        }
        if (i % 1000 == 0) {
            hub_log(poster->hub, false, "poster %d has posted %d", (int)poster->number, (int)i);
            (void)poll(NULL, 0, 1); /* the receiver falls asleep */
        }
    }
    return NULL;
}

/* Takes what there is; what one poster has posted comes in its order. */
static size_t take_all(struct hub *hub, int64_t last[POSTERS]) {
    size_t taken = 0;

    for (struct mail *mail = mailbox_take(&hub->box); mail;) {
        const struct head_item *item = (const struct head_item *)mail;
        struct mail *next = mail->next;

        if (item->item.kind == ITEM_HEAD) {
            assert_int_equal(item->seq, last[item->room] + 1);
            last[item->room] = item->seq;
            taken++;
        }
        if (item->item.kind == ITEM_SET) {
            check_rights(((const struct set_item *)mail)->set);
        }
        item_free((struct item *)mail);
        mail = next;
    }
    return taken;
}

static void post_and_take(struct hub *hub, void (*wait)(struct hub *)) {
    struct poster posters[POSTERS];
    pthread_t threads[POSTERS];
    int64_t last[POSTERS] = {0};
    size_t taken = 0;

    for (int i = 0; i < POSTERS; i++) {
        posters[i] = (struct poster){hub, i};
        threads[i] = run(post_all, &posters[i]);
    }
    while (taken < POSTERS * POSTS) {
        wait(hub);
        taken += take_all(hub, last);
    }
    for (int i = 0; i < POSTERS; i++) {
        end(threads[i]);
    }
    assert_int_equal(take_all(hub, last), 0);
}

static void wait_for_mail(struct hub *hub) { mailbox_wait(&hub->box, 1000); }

static void test_hub(void **state) {
    struct hub hub = {.wake = NULL};

    (void)state;
    assert_true(mailbox_init(&hub.box));
    post_and_take(&hub, wait_for_mail);
    mailbox_close(&hub.box);
}

/* ---- With the connection that wakes the broker, which now and then is gone ---- */

static int listener_socket;
static atomic_int woken;

static void *be_the_broker(void *arg) {
    int fd, times = 0;

    while ((fd = accept(listener_socket, NULL, NULL)) >= 0) {
        char bytes[256];

        while (read(fd, bytes, sizeof bytes) > 0 && ++times % 500 != 0) {
            atomic_fetch_add(&woken, 1);
        }
        close(fd);
    }
    return arg;
}

static void wait_and_wake(struct hub *hub) {
    wake_again(hub->wake);
    (void)poll(NULL, 0, 1);
}

static void test_hub_that_wakes(void **state) {
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    struct hub hub = {.wake = NULL};

    (void)state;
    snprintf(address.sun_path, sizeof address.sun_path, "%s/wake", folder);
    listener_socket = socket(AF_UNIX, SOCK_STREAM, 0);
    assert_int_equal(bind(listener_socket, (const struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(listen(listener_socket, 5), 0);
    pthread_t broker = run(be_the_broker, NULL);
    hub.wake = wake_new(address.sun_path);
    assert_true(hub.wake && mailbox_init(&hub.box));
    post_and_take(&hub, wait_and_wake);
    assert_true(atomic_load(&woken) > 0);
    mailbox_close(&hub.box);
    wake_free(hub.wake);
    shutdown(listener_socket, SHUT_RDWR);
    end(broker);
    close(listener_socket);
}

/* ---- Without a database ---- */

static void drop_all(struct hub *hub) {
    for (struct mail *mail = mailbox_take(&hub->box); mail;) {
        struct mail *next = mail->next;

        item_free((struct item *)mail);
        mail = next;
    }
}

static void ask_the_listener(struct listener *listener) {
    const int64_t rooms[] = {1, 2, 3};

    for (int64_t i = 1; i <= 100; i++) {
        assert_true(listener_load(listener, i));
        assert_true(listener_page(listener, i, 7));
        assert_true(listener_heads(listener, rooms, COUNT(rooms)));
    }
}

static void ask_the_clerk(struct clerk *clerk) {
    const struct read_mark marks[] = {{1, 2, 3}, {4, 5, 6}};

    for (int i = 0; i < 20; i++) {
        struct sync_request *request = calloc(1, sizeof *request);

        assert_non_null(request);
        assert_true(clerk_write_marks(clerk, marks, COUNT(marks)));
        clerk_sync(clerk, request);
    }
}

/* Whatever was asked for, they end at once when they are told to, and what waits is freed. */
static void test_no_database(void **state) {
    const struct pg_config config = {.url = "host=/nonexistent dbname=none", .application = "unit"};
    const struct journal_config journal_config = {
        .folder = folder, .bytes = BYTES, .log = ignore_line};
    struct hub hub = {.wake = NULL};
    char error[200];

    (void)state;
    assert_true(mailbox_init(&hub.box));
    for (int round = 0; round < 6; round++) {
        struct journal *journal = journal_open(&journal_config, error, sizeof error);
        struct writer *writer = writer_start(&config, journal, &hub);
        struct listener *listener = listener_start(&config, &hub);
        struct clerk *clerk = clerk_start(&config, &hub);

        assert_true(journal && writer && listener && clerk);
        ask_the_listener(listener);
        ask_the_clerk(clerk);
        for (int i = 0; i < 50; i++) {
            const struct record record = {
                .room = 1, .sender = 1, .nonce = str_of("n"), .text = str_of("text")};

            assert_int_equal(journal_push(journal, &record), HUM_OK);
            (void)writer_oldest(writer);
        }
        (void)poll(NULL, 0, (int)dice(60));
        int64_t begun = hub_now_us();
        writer_stop(writer);
        listener_stop(listener);
        clerk_stop(clerk);
        assert_true(hub_now_us() - begun < 10 * 1000 * 1000);
        assert_true(journal_backlog(journal) > 0); /* what was taken is still there */
        journal_close(journal);
        drop_all(&hub);
    }
    writer_stop(NULL);
    listener_stop(NULL);
    clerk_stop(NULL);
    mailbox_close(&hub.box);
}

#define IN_A_FOLDER(test) cmocka_unit_test_setup_teardown(test, make_folder, remove_folder)

int main(void) {
    const struct CMUnitTest tests[] = {
        IN_A_FOLDER(test_journal),
        cmocka_unit_test(test_hub),
        IN_A_FOLDER(test_hub_that_wakes),
        IN_A_FOLDER(test_no_database),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
