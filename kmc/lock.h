/* lock: one process at a time in a run directory.
 *
 * DIR/lock holds the process and host that work there, for the message; what decides is the kernel's lock on the file, which ends with the
 * process, however it ends.  Where the file system has no such locks, a process of this host that still lives decides, and a lock of another host
 * always counts as held.
 */
#ifndef KMC_LOCK_H
#define KMC_LOCK_H
#include <stdbool.h>
#include <stdio.h>

struct lock {
    int file;                    /* -1 when not held */
    bool found;                  /* the file was there before, and not signed yet */
    char path[1100], stale[100]; /* stale = what the file said */
};

/* Takes the lock without changing what the file says. Exit code 0, 2 (another process has it) or 5 (files) after printing to `errors`. */
int lock_take(struct lock *l, const char *directory, FILE *errors);

/* Writes this process into the file; tells on `notes` of a process that ended without giving the lock back. */
void lock_sign(struct lock *l, FILE *notes);

/* Gives it back and removes the file; one that was there before stays unless it was signed. */
void lock_release(struct lock *l);

#endif
