#include "supercell_builder.h"
#include <stdarg.h>

void supercell_builder_complain(struct supercell_builder *b, const char *key, const char *hint,
                                const char *format, ...) {
    fprintf(b->errors, "%s: error: %s: ", scenario_place(b->s, key), key);
    va_list list;
    va_start(list, format);
    vfprintf(b->errors, format, list);
    va_end(list);
    fprintf(b->errors, "\n    hint: %s\n", hint);
    b->ok = false;
}

double supercell_builder_uniform(const struct supercell_builder *b, uint32_t stream, uint32_t step,
                                 int64_t index) {
    struct philox_block x = philox_draw(b->rule.random, stream, step, (uint64_t)index);
    return philox_open(x.v[0], x.v[1]);
}

uint8_t supercell_builder_species(const struct supercell_builder *b, const struct component *p) {
    if (p->element == COMPOSITION_HOST_ION)
        return SPECIES_LI;
    return (uint8_t)species_of(b->t, p->element, p->charge);
}
