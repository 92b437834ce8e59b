/* study_list: from the file of a study to the list of its scenarios (internal to the study files). */
#ifndef KMC_STUDY_LIST_H
#define KMC_STUDY_LIST_H
#include "study_plan.h"

/* Reads all of the file into the plan; no scenario is loaded yet. */
void study_list_read(struct study_plan *p, struct scenario_problems *problems);

/* The table [study], or toml_reader_count() of the document when there is none; and its member, 0 = none. */
size_t study_list_study(const struct study_plan *p);
size_t study_list_member(const struct study_plan *p, const char *key);

/* "i/N" with 1 <= i <= N. */
bool study_list_shard(const char *text, int64_t *shard, int64_t *shards);

#endif
