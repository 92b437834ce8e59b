/* Guarantee: one process at a time works in a run directory, however the one before ended, and whoever is refused learns by whom. */
#include <criterion/criterion.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include "../kmc/lock.h"

struct place {
    char directory[64], path[80], *said;
    size_t bytes;
    FILE *errors;
};

static struct place begin_place(void) {
    struct place p = {.directory = "/tmp/kmc-lock-XXXXXX"};
    cr_assert_not_null(mkdtemp(p.directory));
    snprintf(p.path, sizeof p.path, "%s/lock", p.directory);
    return p;
}

static void end_place(struct place *p) {
    unlink(p->path);
    cr_assert_eq(rmdir(p->directory), 0, "files are left");
}

/* What it prints is in p->said until the next call. */
static int take(struct place *p, struct lock *l) {
    free(p->said);
    p->errors = open_memstream(&p->said, &p->bytes);
    int status = lock_take(l, p->directory, p->errors);
    if (status == 0)
        lock_sign(l, p->errors);
    fclose(p->errors);
    return status;
}

/* A process that holds the lock until it is killed; returns when it has it. */
static pid_t holder(struct place *p) {
    int ready[2];
    char byte;
    struct lock l;
    cr_assert_eq(pipe(ready), 0);
    pid_t child = fork();
    if (child == 0) {
        byte = (char)take(p, &l);
        if (write(ready[1], &byte, 1) == 1)
            pause();
        _exit(0);
    }
    cr_assert_eq(read(ready[0], &byte, 1), 1);
    cr_assert_eq(byte, 0);
    close(ready[0]);
    close(ready[1]);
    return child;
}

static void kill_holder(pid_t child) {
    cr_assert_eq(kill(child, SIGKILL), 0);
    cr_assert_eq(waitpid(child, NULL, 0), child);
}

Test(lock, a_second_process_is_refused_until_the_first_is_gone) {
    struct place p = begin_place();
    struct lock l;
    char name[60];
    pid_t child = holder(&p);
    snprintf(name, sizeof name, "in use by process %ld on ", (long)child);
    for (int k = 0; k < 3; k++) { /* a refused one changes nothing */
        cr_assert_eq(take(&p, &l), 2);
        cr_assert(strstr(p.said, name) && strstr(p.said, "hint: "), "%s", p.said);
    }
    kill_holder(child);
    cr_assert_eq(access(p.path, R_OK), 0);
    cr_assert_eq(take(&p, &l), 0);
    cr_assert_not_null(strstr(p.said, "taken over"), "%s", p.said);
    lock_release(&l);
    cr_assert_neq(access(p.path, R_OK), 0);
    free(p.said);
    end_place(&p);
}

/* The kernel's lock decides, not what the file says. */
Test(lock, a_file_that_no_process_locks_is_taken_over) {
    static const char *const text[] = {"", "process 1 on elsewhere\n", "process x\n\001\377"};
    struct place p = begin_place();
    struct lock l;
    for (int k = 0; k < 3; k++) {
        FILE *out = fopen(p.path, "w");
        fputs(text[k], out);
        fclose(out);
        cr_assert_eq(take(&p, &l), 0);
        cr_assert_not_null(strstr(p.said, "taken over"));
        lock_release(&l);
    }
    free(p.said);
    end_place(&p);
}

/* Many at once: one gets it. */
Test(lock, of_many_processes_one_gets_it) {
    enum { N = 12, ROUNDS = 8 };
    struct place p = begin_place();
    for (int round = 0; round < ROUNDS; round++) {
        int got = 0, go[2];
        pid_t child[N];
        cr_assert_eq(pipe(go), 0);
        for (int k = 0; k < N; k++) {
            child[k] = fork();
            if (child[k] == 0) {
                struct lock l;
                char byte;
                close(go[1]);
                if (read(go[0], &byte, 1) != 0) /* all begin when the pipe is closed */
                    _exit(9);
                int status = take(&p, &l);
                if (status == 0)
                    nanosleep(&(struct timespec){0, 100000000},
                              NULL); /* until all have tried; ended without giving it back */
                _exit(status);
            }
        }
        close(go[0]);
        close(go[1]);
        for (int k = 0; k < N; k++) {
            int status;
            cr_assert_eq(waitpid(child[k], &status, 0), child[k]);
            cr_assert(WIFEXITED(status) && (WEXITSTATUS(status) == 0 || WEXITSTATUS(status) == 2));
            got += WEXITSTATUS(status) == 0;
        }
        cr_assert_eq(got, 1, "%d processes have the lock", got);
    }
    end_place(&p);
}
