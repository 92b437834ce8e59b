#include <stdlib.h>
#include "site_lists.h"

static void insert(struct site_lists *l, int64_t site, enum token_class c) {
    l->class_of[site] = (uint8_t)c;
    if (c == TOKEN_NONE)
        return;
    l->position[site] = l->n[c];
    l->list[c][l->n[c]++] = site;
}

/* Takes a site out of its list; the last entry fills the gap. */
static void withdraw(struct site_lists *l, int64_t site) {
    enum token_class c = l->class_of[site];
    if (c == TOKEN_NONE)
        return;
    int64_t last = l->list[c][--l->n[c]];
    l->list[c][l->position[site]] = last;
    l->position[last] = l->position[site];
}

bool site_lists_init(struct site_lists *l, const struct rate_model *m,
                     const struct configuration *x) {
    memset(l, 0, sizeof *l);
    size_t sites = (size_t)lattice_n_sites(&m->lattice), quarter = sites / SITE_KINDS;
    bool ok = (l->position = malloc(sites * sizeof *l->position)) != NULL;
    ok = (l->class_of = malloc(sites)) != NULL && ok;
    for (int c = 0; c < TOKEN_CLASSES; c++) {
        size_t room = c == TOKEN_LI_OCT || c == TOKEN_OXYGEN ? quarter
                      : c == TOKEN_LI_TET                    ? 2 * quarter
                                                             : 3 * quarter;
        ok = (l->list[c] = malloc(room * sizeof *l->list[c])) != NULL && ok;
    }
    if (!ok) {
        site_lists_free(l);
        return false;
    }
    site_lists_sort(l, m, x);
    return true;
}

void site_lists_sort(struct site_lists *l, const struct rate_model *m,
                     const struct configuration *x) {
    memset(l->n, 0, sizeof l->n);
    for (int64_t s = 0; s < lattice_n_sites(&m->lattice); s++)
        insert(l, s, tokens_class_at(m, x, lattice_coord_of(&m->lattice, s), x->occupancy[s]));
}

void site_lists_free(struct site_lists *l) {
    for (int c = 0; c < TOKEN_CLASSES; c++)
        free(l->list[c]);
    free(l->position);
    free(l->class_of);
    memset(l, 0, sizeof *l);
}

void site_lists_update(struct site_lists *l, const struct rate_model *m,
                       const struct configuration *x, int64_t site) {
    enum token_class now =
        tokens_class_at(m, x, lattice_coord_of(&m->lattice, site), x->occupancy[site]);
    if (now == (enum token_class)l->class_of[site])
        return;
    withdraw(l, site);
    insert(l, site, now);
}
