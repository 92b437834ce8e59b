#define _POSIX_C_SOURCE 200809L
#include "selection.h"
#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { TEXT_BYTES = 512 };
static const double ROUNDING = 1e-9; /* sites on a border belong to the range */

const char *const SELECTION_LAYER_NAME[SELECTION_LAYERS] = {"O", "TM", "Li"};
const char *const SELECTION_STATE_NAME[SELECTION_STATES] = {
    "oxide",    "hole",    "peroxo",   "superoxo", "O2",
    "fluoride", "sulfide", "chloride", "vacancy",  "cation"};

enum word {
    WORD_SPECIES,
    WORD_LAYER,
    WORD_PLANE,
    WORD_STATE,
    WORD_BOX,
    WORD_FRACTIONS,
    WORD_CLUSTERS,
    WORD_VACANCIES,
    WORD_TM_IN_LI_LAYER,
    WORDS
};

/* Name, and what stands behind `=`; NULL = no value. */
static const struct {
    const char *name, *expected, *hint;
} WORD[WORDS] = {
    {"species", "elements, or ions such as Mn4+", "species=Mn,Ni3+,X; X = vacant sites"},
    {"layer", "TM, Li or O", "layer=TM,Li"},
    {"plane", "an O plane N or planes N:M, from 0",
     "plane=2:5 has O planes 2 to 5 and the gaps above"},
    {"state", "states of anion sites",
     "state=peroxo,O2; of oxide hole peroxo superoxo O2 fluoride sulfide chloride vacancy"},
    {"box", "three ranges in angstrom", "box=0:20,:,5:9; an end left out is open"},
    {"fractions", "three ranges as shares of the cell",
     "fractions=0:0.5,:,:; an end left out is open"},
    {"clusters", "a number of sites from 1", "clusters=4 shows voids of 4 sites and more"},
    {"vacancies", NULL, "it is a word without value"},
    {"tm-in-li-layer", NULL, "it is a word without value"},
};

/* ---- values ---- */

/* `Mn`, `Mn4`, `Mn4+`, `O2-` */
static bool add_ion(struct selection *s, const char *text) {
    struct selection_ion *ion = &s->ion[s->n_ions];
    size_t letters = 0;
    while (isalpha((unsigned char)text[letters]))
        letters++;
    if (s->n_ions == SELECTION_VALUES || letters == 0 || letters >= sizeof ion->symbol ||
        !isupper((unsigned char)text[0]))
        return false;
    *ion = (struct selection_ion){.any_charge = text[letters] == '\0'};
    memcpy(ion->symbol, text, letters);
    s->n_ions++;
    if (ion->any_charge)
        return true;
    char *end = NULL;
    if (!isdigit((unsigned char)text[letters]))
        return false;
    ion->charge = (int)strtol(text + letters, &end, 10);
    ion->charge *= *end == '-' ? -1 : 1;
    end += *end == '-' || *end == '+';
    return *end == '\0';
}

/* Sets the flag of a name; the last `n` names are no values. */
static bool set_name(bool *flag, const char *const *name, int n, const char *text) {
    for (int k = 0; k < n; k++)
        if (strcmp(name[k], text) == 0)
            return flag[k] = true;
    return false;
}

static bool parse_int(const char *text, int64_t low, int64_t *value) {
    char *end = NULL;
    errno = 0;
    *value = strtoll(text, &end, 10);
    return isdigit((unsigned char)text[0]) && !*end && !errno && *value >= low;
}

static bool parse_planes(struct selection *s, char *text) {
    char *colon = strchr(text, ':');
    if (colon)
        *colon = '\0';
    bool good = parse_int(text, 0, &s->first_plane);
    s->last_plane = s->first_plane;
    return good && (!colon || parse_int(colon + 1, s->first_plane, &s->last_plane));
}

static bool parse_end(const char *text, double open, double *value) {
    char *end = NULL;
    if (!*text)
        return *value = open, true;
    *value = strtod(text, &end);
    return !*end && isfinite(*value);
}

static bool parse_range(double range[2], char *text) {
    char *colon = strchr(text, ':');
    if (!colon)
        return false;
    *colon = '\0';
    return parse_end(text, -INFINITY, &range[0]) && parse_end(colon + 1, INFINITY, &range[1]) &&
           range[0] <= range[1];
}

/* The k-th of the values that commas separate. */
static bool parse_value(struct selection *s, enum word word, int k, char *text) {
    switch (word) {
    case WORD_SPECIES:
        return add_ion(s, text);
    case WORD_LAYER:
        return set_name(s->layer, SELECTION_LAYER_NAME, SELECTION_LAYERS, text);
    case WORD_STATE:
        return set_name(s->state, SELECTION_STATE_NAME, SELECTION_CATION, text);
    case WORD_PLANE:
        return k == 0 && parse_planes(s, text);
    case WORD_CLUSTERS:
        return k == 0 && parse_int(text, 1, &s->cluster_least);
    case WORD_BOX:
        return k < 3 && parse_range(s->box[k], text);
    case WORD_FRACTIONS:
        return k < 3 && parse_range(s->fractions[k], text);
    default:
        return false;
    }
}

/* ---- words ---- */

static bool complain(FILE *errors, const char *place, const char *expected, const char *found,
                     const char *hint) {
    fprintf(errors, "%s: error: expected %s, found `%s`\n    hint: %s\n", place, expected, found,
            hint);
    return false;
}

static enum word find_word(const char *text, size_t length) {
    int k = 0;
    while (k < WORDS &&
           (strlen(WORD[k].name) != length || strncmp(WORD[k].name, text, length) != 0))
        k++;
    return (enum word)k;
}

static bool has_values(enum word word, int n) {
    return word == WORD_BOX || word == WORD_FRACTIONS ? n == 3 : n > 0;
}

static bool parse_word(struct selection *s, const char *text, const char *place, FILE *errors) {
    char values[TEXT_BYTES];
    enum word word = find_word(text, strcspn(text, "="));
    const char *equals = strchr(text, '=');
    if (word == WORDS)
        return complain(
            errors, place,
            "species=, layer=, plane=, state=, box=, fractions=, clusters=, vacancies or "
            "tm-in-li-layer",
            text, "kmc export --help explains each");
    if (s->given & 1u << word)
        return complain(errors, place, "each word once", text,
                        "commas separate values of one word: species=Mn,Ni");
    s->given |= 1u << word;
    if (!WORD[word].expected)
        return !equals || complain(errors, place, WORD[word].name, text, WORD[word].hint);
    snprintf(values, sizeof values, "%s", equals ? equals + 1 : "");
    char *rest = *values ? values : NULL;
    int n = 0;
    bool good = true;
    for (; good && rest; n++) {
        char *value = rest;
        rest = strchr(value, ',');
        if (rest)
            *rest++ = '\0';
        good = parse_value(s, word, n, value);
    }
    return (good && has_values(word, n)) ||
           complain(errors, place, WORD[word].expected, text, WORD[word].hint);
}

bool selection_parse(struct selection *s, const char *text, const char *place, FILE *errors) {
    char copy[TEXT_BYTES], *save = NULL;
    if (strlen(text) >= sizeof copy)
        return complain(errors, place, "a shorter selection", text, "at most 511 characters");
    snprintf(copy, sizeof copy, "%s", text);
    char *word = strtok_r(copy, " \t\n", &save);
    if (!word)
        return complain(errors, place, "at least one word", text,
                        "kmc export --help explains each");
    for (; word; word = strtok_r(NULL, " \t\n", &save))
        if (!parse_word(s, word, place, errors))
            return false;
    return true;
}

/* ---- sites ---- */

static bool has(const struct selection *s, enum word word) {
    return s->given >> word & 1;
}

static bool names_ion(const struct selection *s, const struct selection_site *x) {
    for (int k = 0; k < s->n_ions; k++)
        if (strcmp(s->ion[k].symbol, x->symbol) == 0 &&
            (s->ion[k].any_charge || s->ion[k].charge == x->charge))
            return true;
    return false;
}

bool selection_wants_vacancies(const struct selection *s) {
    struct selection_site vacant = {.symbol = "X"};
    return has(s, WORD_VACANCIES) || has(s, WORD_CLUSTERS) || s->state[SELECTION_VACANCY] ||
           names_ion(s, &vacant);
}

static bool is_inside(const double range[3][2], const double x[3]) {
    for (int i = 0; i < 3; i++)
        if (x[i] < range[i][0] - ROUNDING || x[i] > range[i][1] + ROUNDING)
            return false;
    return true;
}

bool selection_has(const struct selection *s, const struct selection_site *x) {
    bool good = !has(s, WORD_SPECIES) || names_ion(s, x);
    good = good && (!has(s, WORD_LAYER) || s->layer[x->layer]);
    good = good && (!has(s, WORD_STATE) || (x->layer == SELECTION_O && s->state[x->state]));
    good =
        good && (!has(s, WORD_PLANE) || (x->plane >= s->first_plane && x->plane <= s->last_plane));
    good = good && (!has(s, WORD_CLUSTERS) || x->cluster_size >= s->cluster_least);
    good = good && (!has(s, WORD_VACANCIES) || x->vacant);
    good = good && (!has(s, WORD_TM_IN_LI_LAYER) || (x->tm && x->layer == SELECTION_LI));
    good = good && (!has(s, WORD_BOX) || is_inside(s->box, x->xyz));
    return good && (!has(s, WORD_FRACTIONS) || is_inside(s->fractions, x->direct));
}
