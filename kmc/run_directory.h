/* run_directory: makes the directory of a run, or opens it again, so that the run can go on.
 *
 * A directory holds a checkpoint from the start, at first one without any replica; it goes when the run is complete.
 */
#ifndef KMC_RUN_DIRECTORY_H
#define KMC_RUN_DIRECTORY_H
#include "run.h"

/* Makes run->info.directory for a run from run_create with name and start set, takes its lock and writes the first checkpoint: from here on the run can
 * be resumed, whenever it is killed.  Exit code 0, 2 (exists), 4 or 5 after printing to stderr. */
int run_directory_create(struct run *run);

/* Takes the lock of run->info.directory, opens its checkpoint (checkpoint.old when that one is damaged), and creates the run of scenario s from it;
 * all that can refuse comes before anything is changed.  `notes` (NULL = nowhere) hears of a lock that was left over.  Exit code 0, 2, 4 or 5. */
int run_directory_resume(struct run *run, const struct scenario *s, FILE *notes);

/* Says on stderr when another version of the program wrote the checkpoint. */
void run_directory_note_program(const struct run *run);

#endif
