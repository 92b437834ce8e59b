/* site_lists: the token sites of a configuration sorted into classes that stay fixed while TM ions rest.
 *
 * Memory: 16 bytes a site (list entry + position), exact engine only.
 */
#ifndef KMC_SITE_LISTS_H
#define KMC_SITE_LISTS_H
#include <stdbool.h>
#include "../kernels/tokens.h"

enum token_class {
    TOKEN_LI_OCT, /* oct that is vacant or holds Li+ */
    TOKEN_LI_TET, /* tet that is vacant or holds Li+ */
    TOKEN_REDOX,  /* TM ion with a valence step above 3.5 eV */
    TOKEN_DEEP,   /* TM ion whose valence steps all lie below: Mn */
    TOKEN_OXYGEN, /* O that can be oxidised, bonded or not */
    TOKEN_CLASSES,
    TOKEN_NONE = TOKEN_CLASSES /* fixed ions, halides, vacant anion sites, outside */
};

struct site_lists {
    int64_t n[TOKEN_CLASSES];
    int64_t *list[TOKEN_CLASSES]; /* each with room for all sites of its kind */
    int64_t *position;            /* [n_sites] index in its list */
    uint8_t *class_of;            /* [n_sites] enum token_class */
};

/* Class of a site from its byte. */
static inline enum token_class site_lists_class(const struct rate_model *m, int32_t kind,
                                                uint8_t byte) {
    if (kind == SITE_O)
        return rate_model_state(byte) < ANION_ACTIVE ? TOKEN_OXYGEN : TOKEN_NONE;
    if (byte == SITE_OUTSIDE)
        return TOKEN_NONE;
    if (byte <= CATION_LI)
        return kind == SITE_OCT ? TOKEN_LI_OCT : TOKEN_LI_TET;
    if (m->capacity[byte] == 0)
        return TOKEN_NONE;
    return m->deep[byte] ? TOKEN_DEEP : TOKEN_REDOX;
}

/* Sorts all sites; false when memory runs out. */
bool site_lists_init(struct site_lists *l, const struct rate_model *m,
                     const struct configuration *x);
void site_lists_free(struct site_lists *l);

/* Puts a site into the class its byte now asks for. */
void site_lists_update(struct site_lists *l, const struct rate_model *m,
                       const struct configuration *x, int64_t site);

#endif
