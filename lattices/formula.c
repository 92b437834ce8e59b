/* formula: recursive descent over
 *
 *   formula = part { ("*" | "·") part }
 *   part    = [ number ] group { group }
 *   group   = ( element | "(" group { group } ")" | "[" group { group } "]" ) [ number ]
 *   number  = digits [ "." digits ] [ "/" digits ]
 *
 * Numbers are read digit by digit, so neither the locale nor the C library's rounding matters.
 */
#include "formula.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

enum { MAX_LENGTH = 512, MAX_DEPTH = 8, MAX_DIGITS = 12 };
static const double CATIONS_PER_FORMULA = 2.0, ANIONS_PER_FORMULA = 2.0;
static const double CATION_TOLERANCE = 0.02 + 1e-9; /* published formulas carry two decimals */

struct parser {
    const char *text, *at;
    struct formula *f;
    char *message;
    size_t size;
    int depth;
};

static bool fail(struct parser *p, const char *format, ...) {
    int n = snprintf(p->message, p->size, "column %d: ", (int)(p->at - p->text) + 1);
    if (n < 0 || (size_t)n >= p->size)
        return false;
    va_list list;
    va_start(list, format);
    vsnprintf(p->message + n, p->size - (size_t)n, format, list);
    va_end(list);
    return false;
}

/* What stands at the cursor, for messages. */
static const char *found(const struct parser *p, char text[32]) {
    unsigned char c = (unsigned char)*p->at;
    if (c == 0)
        return "the end of the formula";
    if (c < 32 || c > 126)
        snprintf(text, 32, "byte 0x%02x", c);
    else
        snprintf(text, 32, "'%c'", c);
    return text;
}

static bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

static void skip_spaces(struct parser *p) {
    while (*p->at == ' ' || *p->at == '\t')
        p->at++;
}

/* Length of a product sign at the cursor: '*', or the middle dot in UTF-8; 0 when there is none. */
static int product_sign(const struct parser *p) {
    if (*p->at == '*')
        return 1;
    return p->at[0] == '\xc2' && p->at[1] == '\xb7' ? 2 : 0;
}

/* Digits with at most one point.  At most 12 digits, so value and power of ten are exact. */
static bool read_decimal(struct parser *p, bool allow_point, double *value) {
    double digits = 0, scale = 1;
    int n = 0;
    bool point = false;
    for (; is_digit(*p->at) || (*p->at == '.' && allow_point && !point); p->at++) {
        if (*p->at == '.') {
            point = true;
            continue;
        }
        digits = 10 * digits + (*p->at - '0');
        scale *= point ? 10 : 1;
        if (++n > MAX_DIGITS)
            return fail(p, "expected at most %d digits in a number", MAX_DIGITS);
    }
    char text[32];
    if (n == 0)
        return fail(p, "expected digits, found %s", found(p, text));
    *value = digits / scale;
    return true;
}

/* A number or 1 when none stands here. */
static bool read_number(struct parser *p, double *value) {
    *value = 1;
    skip_spaces(p);
    if (!is_digit(*p->at) && *p->at != '.')
        return true;
    if (!read_decimal(p, true, value))
        return false;
    if (*p->at != '/')
        return true;
    double denominator = 1;
    p->at++;
    if (!read_decimal(p, false, &denominator))
        return false;
    if (denominator == 0)
        return fail(p, "expected a denominator other than 0");
    *value /= denominator;
    return true;
}

static bool add_term(struct parser *p, const char *symbol, double amount) {
    struct formula *f = p->f;
    int t = 0;
    while (t < f->n && strcmp(f->term[t].symbol, symbol) != 0)
        t++;
    if (t == FORMULA_MAX_TERMS)
        return fail(p, "expected at most %d elements", FORMULA_MAX_TERMS);
    if (t == f->n) {
        memset(&f->term[f->n], 0, sizeof f->term[0]);
        memcpy(f->term[f->n++].symbol, symbol, strlen(symbol) + 1);
    }
    f->term[t].amount += amount;
    return true;
}

static bool read_groups(struct parser *p, char close);

/* Adds `n` times what the terms gained since `before`, in place of that gain. */
static void scale_since(struct formula *f, const struct formula *before, double n) {
    for (int t = 0; t < f->n; t++) {
        double old = t < before->n ? before->term[t].amount : 0;
        f->term[t].amount = old + n * (f->term[t].amount - old);
    }
}

static bool read_bracket(struct parser *p) {
    struct formula before = *p->f;
    double n;
    if (++p->depth > MAX_DEPTH)
        return fail(p, "expected at most %d nested brackets", MAX_DEPTH);
    char close = *p->at++ == '(' ? ')' : ']';
    if (!read_groups(p, close))
        return false;
    p->at++;
    p->depth--;
    if (!read_number(p, &n))
        return false;
    scale_since(p->f, &before, n);
    return true;
}

static bool read_element(struct parser *p) {
    char symbol[4] = {*p->at++, 0, 0, 0};
    if (*p->at >= 'a' && *p->at <= 'z')
        symbol[1] = *p->at++;
    double n;
    return read_number(p, &n) && add_term(p, symbol, n);
}

static bool at_group(const struct parser *p) {
    return (*p->at >= 'A' && *p->at <= 'Z') || *p->at == '(' || *p->at == '[';
}

/* One or more groups up to `close` (0 = end of a part). */
static bool read_groups(struct parser *p, char close) {
    char text[32];
    skip_spaces(p);
    if (!at_group(p))
        return fail(p, "expected an element symbol or a bracket, found %s", found(p, text));
    while (at_group(p)) {
        bool bracket = *p->at == '(' || *p->at == '[';
        if (!(bracket ? read_bracket(p) : read_element(p)))
            return false;
        skip_spaces(p);
    }
    if (close && *p->at != close)
        return fail(p, "expected '%c', found %s", close, found(p, text));
    return true;
}

static bool read_part(struct parser *p) {
    struct formula before = *p->f;
    double n;
    if (!read_number(p, &n) || !read_groups(p, 0))
        return false;
    scale_since(p->f, &before, n);
    return true;
}

static bool read_formula(struct parser *p) {
    char text[32];
    for (;;) {
        if (!read_part(p))
            return false;
        int sign = product_sign(p);
        if (sign == 0)
            break;
        p->at += sign;
    }
    if (*p->at)
        return fail(p, "expected an element, a number or '*', found %s", found(p, text));
    return true;
}

static bool is_anion(const char *symbol) {
    return strcmp(symbol, "O") == 0 || strcmp(symbol, "F") == 0 || strcmp(symbol, "S") == 0 ||
           strcmp(symbol, "Cl") == 0;
}

/* Sum of the anions, or of the cations. */
static double sum_of(const struct formula *f, bool anions) {
    double sum = 0;
    for (int t = 0; t < f->n; t++)
        sum += is_anion(f->term[t].symbol) == anions ? f->term[t].amount : 0;
    return sum;
}

static void scale(struct formula *f, bool anions, double factor) {
    for (int t = 0; t < f->n; t++)
        if (anions || !is_anion(f->term[t].symbol))
            f->term[t].amount *= factor;
}

_Bool formula_parse(const char *text, struct formula *f, char *message, size_t n) {
    struct parser p = {.text = text, .at = text, .f = f, .message = message, .size = n};
    memset(f, 0, sizeof *f);
    if (strlen(text) > MAX_LENGTH)
        return fail(&p, "expected at most %d characters", MAX_LENGTH);
    if (!read_formula(&p))
        return false;
    p.at = text;
    double anions = sum_of(f, true);
    if (anions <= 0)
        return fail(&p, "expected an anion (O, F, S or Cl), found none");
    if (sum_of(f, false) <= 0)
        return fail(&p, "expected a cation, found none");
    scale(f, true, ANIONS_PER_FORMULA / anions);
    return true;
}

double formula_amount(const struct formula *f, const char *symbol) {
    for (int t = 0; t < f->n; t++)
        if (strcmp(f->term[t].symbol, symbol) == 0)
            return f->term[t].amount;
    return 0;
}

_Bool formula_normalise(struct formula *f, double *correction, char *message, size_t n) {
    double cations = sum_of(f, false);
    *correction = CATIONS_PER_FORMULA / cations - 1;
    if (*correction > -1e-12 && *correction < 1e-12)
        *correction = 0; /* the sum of decimal fractions itself is rounded */
    if (!(cations >= CATIONS_PER_FORMULA - CATION_TOLERANCE &&
          cations <= CATIONS_PER_FORMULA + CATION_TOLERANCE)) {
        snprintf(message, n, "expected 2.00 +- 0.02 cations for two anions, found %.4f", cations);
        return false;
    }
    scale(f, false, CATIONS_PER_FORMULA / cations);
    return true;
}
