/* site_lists: the token sites of a configuration sorted into classes that stay fixed while TM ions rest.
 *
 * Memory: 16 bytes a site (list entry + position), exact engine only.
 */
#ifndef KMC_SITE_LISTS_H
#define KMC_SITE_LISTS_H
#include <stdbool.h>
#include "../kernels/tokens.h"

struct site_lists {
    int64_t n[TOKEN_CLASSES];
    int64_t *list[TOKEN_CLASSES]; /* each with room for all sites of its kind */
    int64_t *position;            /* [n_sites] index in its list */
    uint8_t *class_of;            /* [n_sites] enum token_class */
};

/* Sorts all sites; false when memory runs out. */
bool site_lists_init(struct site_lists *l, const struct rate_model *m,
                     const struct configuration *x);
void site_lists_free(struct site_lists *l);

/* Every list anew in the order of the sites, whatever happened before. */
void site_lists_sort(struct site_lists *l, const struct rate_model *m,
                     const struct configuration *x);

/* Puts a site into the class its byte now asks for. */
void site_lists_update(struct site_lists *l, const struct rate_model *m,
                       const struct configuration *x, int64_t site);

#endif
