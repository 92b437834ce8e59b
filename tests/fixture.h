/* fixture: a scenario with its model, crystal, state and engine in one piece, and ways to disorder
 * the crystal. Every failure to build one is a failed assertion of the test that asked for it.
 */
#ifndef TESTS_FIXTURE_H
#define TESTS_FIXTURE_H
#include "../kernels/events.h"
#include "../kmc/replica.h"

struct fixture {
    struct scenario *scenario;
    struct species_table species;
    struct rate_model *model; /* writable: a test may change a number before it uses it */
    struct replica replica;   /* holds the state and the engine (exact) */
};

/* List of "key=value" for fixture_create, closed with NULL. */
#define FIXTURE_SET(...) ((const char *const[]){__VA_ARGS__, NULL})

/* One set of energies and barriers, the defaults of one version, for tests that demand that certain
 * events occur: which ones do must not hang on later defaults.  What a test adds behind it wins. */
#define FIXTURE_CHEMISTRY                                                                          \
    "model.valence_stiffness_eV=0.8", "model.li_tet_eV=0.4", "model.tm_tet_li_layer_eV=0.5",       \
        "model.tm_tet_tm_layer_eV=1.1", "model.tm_oct_li_layer_eV=0.3",                            \
        "model.face_tet_oct_li_li_eV=0.6", "model.face_tet_oct_li_tm_eV=0.3",                      \
        "model.face_tet_oct_tm_tm_eV=0.8", "model.face_oct_oct_li_li_eV=0.05",                     \
        "model.face_oct_oct_li_tm_eV=0.05", "model.face_oct_oct_tm_tm_eV=1.0",                     \
        "model.face_tet_tet_eV=3.0", "model.hole_eV=4.25", "model.hole_per_extra_tm_eV=0.3",       \
        "model.hole_free_tm=2", "model.peroxo_per_extra_tm_eV=0.3", "model.peroxo_free_tm=1",      \
        "model.molecular_eV=8.3", "model.molecular_per_tm_eV=0.4", "model.orphan_one_tm_eV=0.3",   \
        "model.orphan_no_tm_eV=0.5", "model.pair_hole_hole_eV=0.12",                               \
        "model.pair_hole_peroxo_eV=0.12", "model.pair_peroxo_peroxo_eV=0.12",                      \
        "model.pair_molecular_molecular_eV=0.2", "model.pair_molecular_other_eV=0.0",              \
        "model.bond_peroxo_eV=0.1", "model.bond_superoxo_eV=-1.1", "model.bond_molecular_eV=-2.3", \
        "model.gate_free_li=1", "model.direct_hop_extra_eV=0.6", "model.peroxo_face_eV=-0.3",      \
        "model.peroxo_formation_eV=0.65", "model.peroxo_across_li_gap_eV=0.0",                     \
        "model.peroxo_in_plane_eV=0.0", "model.peroxo_across_tm_slab_eV=0.0",                      \
        "model.peroxo_reduction_eV=0.5", "model.molecular_formation_eV=0.3",                       \
        "model.molecular_wall_eV=0.2", "elements.Ni.oxidation_eV=[3.6,3.9]",                       \
        "elements.Co.oxidation_eV=[4.05]", "elements.Mn.oxidation_eV=[3.1]",                       \
        "elements.Ni.li_layer_extra_eV=0", "elements.Ni.tet_extra_eV=0",                           \
        "elements.Co.li_layer_extra_eV=0", "elements.Co.tet_extra_eV=0",                           \
        "elements.Mn.tet_extra_eV=0", "elements.Mn.hop_barrier_eV=[1.0,1.35]",                     \
        "kinetics.stiff_firings=3", "kinetics.tet_lifetime_slices=10"

/* The same with barriers so low that they take turns with all other events. */
#define FIXTURE_CONTESTED_LIVELY                                                                   \
    FIXTURE_CONTESTED, "surface.proton_exchange_barrier_eV=0.5", "surface.proton_hop_eV=0.5",      \
        "model.mn_beyond_hop_eV=[0.3,0.3,0.3]", "kinetics.stiff_firings=1e6"

/* `source` as in scenario_load; `set` ends with NULL and may be NULL itself. */
struct fixture *fixture_create(const char *source, const char *const *set);
void fixture_free(struct fixture *f);

static inline struct state *fixture_state(struct fixture *f) {
    return &f->replica.state;
}

/* All channels of one owner, kept. */
struct fixture_channels {
    struct event_list list; /* n and total; `all` points to the next member */
    struct event_channel channel[EVENT_CHANNELS_MAX];
};

/* Enumerates the channels that a site owns; fails the test when they do not fit. */
void fixture_channels_of(const struct event_context *e, int64_t site, struct fixture_channels *out);

/* Rounds of equilibrate at a fixed voltage (`sweeps` draws per site) and advance by step_s seconds,
 * the slice of both.
 */
void fixture_scramble(struct fixture *f, double voltage_V, int rounds, double sweeps,
                      double step_s);

/* Replaces the configuration by random ions, anion states and dimers on the sites that exist,
 * neutral or not; caches and energy follow. */
void fixture_randomise(struct fixture *f, uint64_t seed);

/* Takes n O2- and 2 n Li+ away: O vacancies in a neutral crystal.  Before an engine is made of it. */
void fixture_vacate(struct fixture *f, uint64_t seed, int n);

/* Turns about a third of the Li+ into H+.  Before an engine is made of it. */
void fixture_protonate(struct fixture *f, uint64_t seed);

/* A second state with the same configuration, for trying changes; free with state_free. */
struct state fixture_copy(const struct fixture *f, const struct state *s);

/* Copies the configuration (not the counters) between states of one size. */
void fixture_restore(struct state *to, const struct state *from);

/* First species of an element with this valence; fails the test when there is none. */
int fixture_species(const struct fixture *f, const char *symbol, int valence);

/* Empties the crystal: every cation site vacant, every anion site in `anion` state; caches and
 * energy follow. */
void fixture_clear(struct fixture *f, uint8_t anion);

/* Sets one byte and derives all caches and the energy anew. */
void fixture_put(struct fixture *f, struct lattice_coord c, uint8_t byte);

/* The same for two sites at once: dimers have no valid half. */
void fixture_put_pair(struct fixture *f, struct lattice_coord a, uint8_t byte_a,
                      struct lattice_coord b, uint8_t byte_b);

/* Both contested switches on. */
#define FIXTURE_CONTESTED "kinetics.manganese_beyond_4=true", "surface.proton_exchange=true"

#endif
