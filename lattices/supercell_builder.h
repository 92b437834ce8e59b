/* supercell_builder: what the files that build a crystal share (internal to the supercell files).
 *
 * Random numbers (index = site id unless stated):
 *   STREAM_SURFACE  step = plane of a TM gap, or STEP_LI_LAYERS: which of equal sites stay empty
 *   STREAM_SPECIES  step = STEP_*: dealing of the Li layers and the anions; valences, step =
 *                   STEP_VALENCE + species; shares of layers, index = draw
 *                   STEP_CENTRES, STEP_SHELL_*, STEP_GATHER + dopant: see centres.h, shell.h
 *   STREAM_ORDER    see order.h
 */
#ifndef LATTICES_SUPERCELL_BUILDER_H
#define LATTICES_SUPERCELL_BUILDER_H
#include "composition.h"
#include "order.h"
#include "shape.h"
#include "supercell.h"

/* Steps of STREAM_SPECIES and STREAM_SURFACE. */
enum {
    STEP_LI_LAYERS = 1000,
    STEP_ANIONS,
    STEP_SHARES,
    STEP_CENTRES,
    STEP_SHELL_OXYGEN,
    STEP_SHELL_LITHIUM,
    STEP_GATHER = 1100,
    STEP_VALENCE = 2000
};

struct supercell_builder {
    struct supercell *c;
    const struct scenario *s;
    const struct species_table *t;
    FILE *errors;
    struct shape shape;
    struct composition composition;
    struct order_rule rule;
    const struct component *layer_part[ORDER_COMPONENTS]; /* component of order_rule -> ion */
    int64_t layer_count[ORDER_COMPONENTS]; /* ions of each in all TM layers together */
    int64_t overflow[ORDER_COMPONENTS];    /* TM ions sent to the Li layers */
    int64_t
        treatment_e; /* charge of what the treatment of the surface took out: positive for O2- */
    bool ok;
};

/* Reports a problem of a key with a hint; the crystal is then not built. */
void supercell_builder_complain(struct supercell_builder *b, const char *key, const char *hint,
                                const char *format, ...);

/* A random number in (0, 1). */
double supercell_builder_uniform(const struct supercell_builder *b, uint32_t stream, uint32_t step,
                                 int64_t index);

/* Occupancy byte of a kind of ion of the composition on a cation site. */
uint8_t supercell_builder_species(const struct supercell_builder *b, const struct component *p);

#endif
