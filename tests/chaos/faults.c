/* Faults at the calls by which a process reaches the disk, and at what it sends to one port: loaded with LD_PRELOAD.
 *
 * Acts on files below a watched folder are counted by kind. At the nth act of a kind the process is killed before it,
 * after it or part of the way through it, stopped, or the disk is full from then on, or fails once. Every process is armed for
 * itself: what is armed before a fork is inherited, what is armed after it is not.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

enum kind { ANY, WRITE, FSYNC, RENAME, TRUNCATE, UNLINK, POST, COMMIT, KINDS };
enum action { COUNT, KILL_BEFORE, KILL_AFTER, TORN, FULL, EIO_ONCE, STOP };
/* What the wrapped call has to do: as usual, part of it and die, part of it and fail from then on, or fail. */
enum verdict { GO, GO_AND_DIE, PART_AND_DIE, PART, FAIL };

static char folder[PATH_MAX];
static char needle[PATH_MAX];
static size_t folder_length;
static int port;
static long counts[KINDS];
static long matched;
static enum kind armed_kind;
static enum action armed_action;
static long armed_nth;
static int armed_share;
static int is_full;

void chaos_watch(const char *watched, int watched_port) {
    snprintf(folder, sizeof folder, "%s", watched);
    folder_length = strlen(folder);
    port = watched_port;
    memset(counts, 0, sizeof counts);
    armed_action = COUNT;
    is_full = 0;
}

void chaos_arm(int kind, long nth, int action, int share, const char *text) {
    snprintf(needle, sizeof needle, "%s", text);
    armed_kind = kind;
    armed_nth = nth;
    armed_share = share;
    matched = 0;
    is_full = 0;
    __atomic_store_n(&armed_action, action, __ATOMIC_SEQ_CST);
}

long chaos_count(int kind) { return __atomic_load_n(&counts[kind], __ATOMIC_SEQ_CST); }

static void die(void) {
    kill(getpid(), SIGKILL);
    for (;;) pause();
}

/* Where the act is the armed one, do what is armed; else say GO. `path` is NULL for a post or a commit. */
static enum verdict judge(enum kind kind, const char *path) {
    __atomic_add_fetch(&counts[kind], 1, __ATOMIC_SEQ_CST);
    __atomic_add_fetch(&counts[ANY], 1, __ATOMIC_SEQ_CST);
    if (armed_action == COUNT) return GO;
    if (is_full) return kind == WRITE ? FAIL : GO;
    if (armed_kind != ANY && armed_kind != kind) return GO;
    if (needle[0] && (path == NULL || strstr(path, needle) == NULL)) return GO;
    if (__atomic_add_fetch(&matched, 1, __ATOMIC_SEQ_CST) != armed_nth) return GO;
    switch (armed_action) {
    case KILL_BEFORE: die(); return GO;
    case KILL_AFTER: return GO_AND_DIE;
    case TORN: return PART_AND_DIE;
    case FULL:
        is_full = 1;
        return kind == WRITE ? PART : GO;
    case EIO_ONCE: return FAIL;
    case STOP: kill(getpid(), SIGSTOP); return GO;
    default: return GO;
    }
}

static int is_watched(const char *path) {
    return folder_length > 0 && strncmp(path, folder, folder_length) == 0 && path[folder_length] == '/';
}

static int path_of(int descriptor, char *path) {
    char link[64];
    snprintf(link, sizeof link, "/proc/self/fd/%d", descriptor);
    ssize_t length = readlink(link, path, PATH_MAX - 1);
    if (length < 0) return 0;
    path[length] = 0;
    return is_watched(path);
}

static int is_post(int descriptor) {
    struct sockaddr_storage address;
    socklen_t length = sizeof address;
    if (port == 0 || getpeername(descriptor, (struct sockaddr *)&address, &length) != 0) return 0;
    if (address.ss_family == AF_INET) return ntohs(((struct sockaddr_in *)&address)->sin_port) == port;
    return 0;
}

static enum verdict judge_descriptor(enum kind kind, int descriptor) {
    char path[PATH_MAX];
    int saved = errno;
    if (folder_length == 0) return GO;
    enum verdict verdict = GO;
    if (path_of(descriptor, path)) verdict = judge(kind, path);
    else if (kind == WRITE && is_post(descriptor)) verdict = judge(POST, NULL);
    errno = saved;
    return verdict;
}

static enum verdict judge_path(enum kind kind, int at, const char *name) {
    char path[PATH_MAX + NAME_MAX + 2], base[PATH_MAX];
    if (folder_length == 0) return GO;
    if (name[0] == '/') snprintf(path, sizeof path, "%s", name);
    else if (at != AT_FDCWD && path_of(at, base)) snprintf(path, sizeof path, "%s/%s", base, name);
    else return GO;
    return is_watched(path) ? judge(kind, path) : GO;
}

/* COMMIT is no call of libc: whoever makes it says so, before it and after it. */
void chaos_commit(int is_after) {
    static int must_die;
    if (is_after) {
        if (must_die) die();
        return;
    }
    enum verdict verdict = judge(COMMIT, NULL);
    must_die = verdict == GO_AND_DIE;
}

/* So many sixteenths of a write are done when it is torn. */
static size_t part_of(size_t size) { return size * armed_share / 16; }

static int error_of_disk(void) { return is_full ? ENOSPC : EIO; }

#define REAL(type, name, ...)                                                                                          \
    static type (*real)(__VA_ARGS__);                                                                                  \
    if (real == NULL) *(void **)&real = dlsym(RTLD_NEXT, name)

/* A call that takes `size` bytes: whole, or some of them. */
#define SIZED(verdict, size, call)                                                                                     \
    switch (verdict) {                                                                                                 \
    case FAIL: errno = error_of_disk(); return -1;                                                                     \
    case PART: case PART_AND_DIE: size = part_of(size); break;                                                              \
    default: break;                                                                                                    \
    }                                                                                                                  \
    ssize_t done = size == 0 && verdict != GO ? 0 : call;                                                              \
    if (verdict == GO_AND_DIE || verdict == PART_AND_DIE) die();                                                       \
    if (verdict == PART && done == 0) { errno = ENOSPC; return -1; }                                                   \
    return done

/* A call that cannot be done in part. */
#define WHOLE(verdict, call)                                                                                           \
    if (verdict == FAIL) { errno = error_of_disk(); return -1; }                                                       \
    if (verdict == PART_AND_DIE) die();                                                                                \
    int done = call;                                                                                                   \
    if (verdict == GO_AND_DIE) die();                                                                                  \
    return done

ssize_t write(int descriptor, const void *bytes, size_t size) {
    REAL(ssize_t, "write", int, const void *, size_t);
    enum verdict verdict = judge_descriptor(WRITE, descriptor);
    SIZED(verdict, size, real(descriptor, bytes, size));
}

ssize_t pwrite(int descriptor, const void *bytes, size_t size, off_t offset) {
    REAL(ssize_t, "pwrite", int, const void *, size_t, off_t);
    enum verdict verdict = judge_descriptor(WRITE, descriptor);
    SIZED(verdict, size, real(descriptor, bytes, size, offset));
}

ssize_t pwrite64(int descriptor, const void *bytes, size_t size, off64_t offset) {
    REAL(ssize_t, "pwrite64", int, const void *, size_t, off64_t);
    enum verdict verdict = judge_descriptor(WRITE, descriptor);
    SIZED(verdict, size, real(descriptor, bytes, size, offset));
}

ssize_t writev(int descriptor, const struct iovec *parts, int count) {
    REAL(ssize_t, "writev", int, const struct iovec *, int);
    enum verdict verdict = judge_descriptor(WRITE, descriptor);
    SIZED(verdict, count, real(descriptor, parts, count));
}

ssize_t sendfile(int out, int in, off_t *offset, size_t size) {
    REAL(ssize_t, "sendfile", int, int, off_t *, size_t);
    enum verdict verdict = judge_descriptor(WRITE, out);
    SIZED(verdict, size, real(out, in, offset, size));
}

ssize_t sendfile64(int out, int in, off64_t *offset, size_t size) {
    REAL(ssize_t, "sendfile64", int, int, off64_t *, size_t);
    enum verdict verdict = judge_descriptor(WRITE, out);
    SIZED(verdict, size, real(out, in, offset, size));
}

ssize_t send(int descriptor, const void *bytes, size_t size, int flags) {
    REAL(ssize_t, "send", int, const void *, size_t, int);
    enum verdict verdict = judge_descriptor(WRITE, descriptor);
    SIZED(verdict, size, real(descriptor, bytes, size, flags));
}

ssize_t sendmsg(int descriptor, const struct msghdr *message, int flags) {
    REAL(ssize_t, "sendmsg", int, const struct msghdr *, int);
    enum verdict verdict = judge_descriptor(WRITE, descriptor);
    WHOLE(verdict, (int)real(descriptor, message, flags));
}

int fsync(int descriptor) {
    REAL(int, "fsync", int);
    enum verdict verdict = judge_descriptor(FSYNC, descriptor);
    WHOLE(verdict, real(descriptor));
}

int fdatasync(int descriptor) {
    REAL(int, "fdatasync", int);
    enum verdict verdict = judge_descriptor(FSYNC, descriptor);
    WHOLE(verdict, real(descriptor));
}

int ftruncate(int descriptor, off_t length) {
    REAL(int, "ftruncate", int, off_t);
    enum verdict verdict = judge_descriptor(TRUNCATE, descriptor);
    WHOLE(verdict, real(descriptor, length));
}

int ftruncate64(int descriptor, off64_t length) {
    REAL(int, "ftruncate64", int, off64_t);
    enum verdict verdict = judge_descriptor(TRUNCATE, descriptor);
    WHOLE(verdict, real(descriptor, length));
}

int rename(const char *from, const char *to) {
    REAL(int, "rename", const char *, const char *);
    enum verdict verdict = judge_path(RENAME, AT_FDCWD, to);
    WHOLE(verdict, real(from, to));
}

int renameat(int from_at, const char *from, int to_at, const char *to) {
    REAL(int, "renameat", int, const char *, int, const char *);
    enum verdict verdict = judge_path(RENAME, to_at, to);
    WHOLE(verdict, real(from_at, from, to_at, to));
}

int unlink(const char *name) {
    REAL(int, "unlink", const char *);
    enum verdict verdict = judge_path(UNLINK, AT_FDCWD, name);
    WHOLE(verdict, real(name));
}

int unlinkat(int at, const char *name, int flags) {
    REAL(int, "unlinkat", int, const char *, int);
    enum verdict verdict = judge_path(UNLINK, at, name);
    WHOLE(verdict, real(at, name, flags));
}
