#include "lock.h"
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { LOCK_HELD = 2, LOCK_FILES = 5, ATTEMPTS = 16 };

static int failed(const struct lock *l, FILE *errors) {
    fprintf(errors,
            "%s: error: expected a file that can be written, found: %s\n    hint: is the run "
            "directory read-only or the disk full?\n",
            l->path, strerror(errno));
    return LOCK_FILES;
}

static void host_name(char host[65]) {
    if (gethostname(host, 65) != 0)
        strcpy(host, "unknown");
    host[64] = 0;
}

/* "process N on HOST" as the holder has written it; empty before it has. */
static void read_holder(struct lock *l) {
    ssize_t n = pread(l->file, l->stale, sizeof l->stale - 1, 0);
    l->stale[n > 0 ? n : 0] = 0;
    l->stale[strcspn(l->stale, "\n")] = 0;
    for (char *p = l->stale; *p; p++)
        *p = *p < ' ' || *p == 127 ? '?' : *p;
}

/* For file systems without locks: may the process that the file names still live? */
static bool may_live(const struct lock *l) {
    char host[65], mine[65];
    long pid;
    host_name(mine);
    if (sscanf(l->stale, "process %ld on %64s", &pid, host) != 2 || strcmp(host, mine) != 0)
        return l->found;
    return pid > 0 && (kill((pid_t)pid, 0) == 0 || errno != ESRCH);
}

static int held(const struct lock *l, FILE *errors) {
    fprintf(errors,
            "%s: error: expected a run directory that no process works in, found it in use by %s\n"
            "    hint: wait for it, or end it with SIGTERM, which saves a checkpoint; if that "
            "process is gone for sure, remove this file\n",
            l->path, *l->stale ? l->stale : "another process");
    return LOCK_HELD;
}

static bool open_file(struct lock *l) {
    l->found = false;
    l->file = open(l->path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (l->file < 0 && errno == EEXIST) {
        l->found = true;
        l->file = open(l->path, O_RDWR | O_NONBLOCK | O_CLOEXEC);
    }
    return l->file >= 0;
}

/* The holder before may have removed the file after this process opened it. */
static bool still_there(const struct lock *l) {
    struct stat mine, now;
    return fstat(l->file, &mine) == 0 && stat(l->path, &now) == 0 && mine.st_ino == now.st_ino &&
           mine.st_dev == now.st_dev;
}

static void close_file(struct lock *l) {
    close(l->file);
    l->file = -1;
}

int lock_take(struct lock *l, const char *directory, FILE *errors) {
    snprintf(l->path, sizeof l->path, "%s/lock", directory);
    l->file = -1;
    for (int k = 0; k < ATTEMPTS; k++) {
        struct flock whole = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
        if (!open_file(l)) {
            if (errno == ENOENT)
                continue;
            return failed(l, errors);
        }
        read_holder(l);
        bool locked = fcntl(l->file, F_SETLK, &whole) == 0;
        bool refused = !locked && (errno == EACCES || errno == EAGAIN || may_live(l));
        if (!refused && still_there(l))
            return 0;
        close_file(l);
        if (refused)
            return held(l, errors);
    }
    return held(l, errors);
}

void lock_sign(struct lock *l, FILE *notes) {
    char text[100], host[65];
    host_name(host);
    int n = snprintf(text, sizeof text, "process %ld on %s\n", (long)getpid(), host);
    if (l->found && notes)
        fprintf(notes, "note: %s: %s ended without giving this lock back; taken over\n", l->path,
                *l->stale ? l->stale : "a process");
    if (ftruncate(l->file, 0) != 0 || pwrite(l->file, text, (size_t)n, 0) != n)
        l->stale[0] =
            0; /* the lock holds all the same; only the message of others lacks the name */
    l->found = false;
}

void lock_release(struct lock *l) {
    if (l->file < 0)
        return;
    if (!l->found)
        unlink(l->path);
    close_file(l);
}
