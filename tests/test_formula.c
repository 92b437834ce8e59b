/* Guarantee: formulas as published are read exactly, and wrong ones are refused with a place. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>
#include "../lattices/formula.h"

static struct formula parse(const char *text) {
    struct formula f;
    char message[160] = "";
    cr_assert(formula_parse(text, &f, message, sizeof message), "%s: %s", text, message);
    return f;
}

static void expect(const char *text, const char *symbol, double amount) {
    struct formula f = parse(text);
    cr_assert_float_eq(formula_amount(&f, symbol), amount, 1e-12, "%s: %s = %.15g", text, symbol,
                       formula_amount(&f, symbol));
}

static void refuse(const char *text, const char *expected) {
    struct formula f;
    char message[160] = "";
    cr_assert_not(formula_parse(text, &f, message, sizeof message), "%s was accepted", text);
    cr_assert(strstr(message, expected), "%s: %s", text, message);
}

Test(formula, decimals) {
    expect("Li1.2Ni0.13Co0.13Mn0.54O2", "Li", 1.2);
    expect("Li1.2Ni0.13Co0.13Mn0.54O2", "Mn", 0.54);
    expect("Li1.2Ni0.13Co0.13Mn0.54O2", "O", 2);
    expect("Li1.2Ni0.13Co0.13Mn0.54O2", "Al", 0);
    expect("LiCoO2", "Co", 1);
    expect(" Li Co .5 Ni0.5 O2 ", "Co", 0.5);
}

Test(formula, fractions_and_brackets) {
    expect("Li(Li1/6Ni1/6Co1/6Mn1/2)O2", "Li", 7.0 / 6);
    expect("Li(Li1/6Ni1/6Co1/6Mn1/2)O2", "Mn", 0.5);
    expect("Li[Li0.17(Ni0.5Mn0.5)0.83]O2", "Ni", 0.415);
    expect("(LiMn)2O4", "Li", 1);
    expect("((Li)2(Mn)1)1O3", "Mn", 2.0 / 3);
}

Test(formula, scaled_to_two_anions) {
    expect("Li2MnO3", "Li", 4.0 / 3);
    expect("0.5Li2MnO3", "Mn", 2.0 / 3);
    expect("Li2Mn4O8", "O", 2);
    expect("Li1.2Mn0.8O1.9F0.1", "F", 0.1);
    expect("Li1.2Mn0.8O1.9F0.1", "O", 1.9);
}

Test(formula, composites_add_up) {
    const char *both[] = {"0.5Li2MnO3*0.5LiNi1/3Co1/3Mn1/3O2", "0.5Li2MnO3\xc2\xb7"
                                                               "0.5LiNi1/3Co1/3Mn1/3O2"};
    for (int i = 0; i < 2; i++) {
        expect(both[i], "Li", 1.5 / 1.25);
        expect(both[i], "Mn", (0.5 + 0.5 / 3) / 1.25);
        expect(both[i], "Ni", 0.5 / 3 / 1.25);
        expect(both[i], "O", 2);
    }
}

Test(formula, elements_are_merged_in_order_of_appearance) {
    struct formula f = parse("Li(Li0.2Mn0.6Ni0.2)O2");
    const char *const order[] = {"Li", "Mn", "Ni", "O"};
    cr_assert_eq(f.n, 4);
    for (int t = 0; t < 4; t++)
        cr_assert_str_eq(f.term[t].symbol, order[t]);
}

Test(formula, mistakes_name_the_column) {
    refuse("Li1.2Ni0.13Mn0.67O2-x", "column 20");
    refuse("Li1.2(Ni0.2Mn0.6O2", "expected ')', found the end");
    refuse("Li1.2Ni0.2]Mn0.6O2", "column 11");
    refuse("li1.2Mn0.8O2", "column 1");
    refuse("Li1/0Mn0.8O2", "denominator");
    refuse("LiMn1/O2", "expected digits, found 'O'");
    refuse("Li()2O2", "column 4");
    refuse("Li.MnO2", "expected digits");
    refuse("LiMnO2*", "end of the formula");
    refuse("", "end of the formula");
    refuse("LiMn", "expected an anion");
    refuse("O2", "expected a cation");
    refuse("LiMnO0", "expected an anion");
}

Test(formula, hostile_input_is_refused) {
    char text[4096];
    memset(text, '(', sizeof text);
    text[400] = 0;
    refuse(text, "nested");
    memset(text, 'O', sizeof text);
    text[600] = 0;
    refuse(text, "512");
    refuse("Li1.2345678901234567890Mn0.8O2", "digits");
    refuse("Li\xff\xfeMnO2", "byte 0xff");
    refuse("Li\nMnO2", "byte 0x0a");
    text[0] = 0;
    for (int i = 0; i < 26; i++)
        snprintf(text + strlen(text), 8, "%c", 'A' + i);
    refuse(text, "at most 24 elements");
}

Test(formula, short_message_buffers_are_respected) {
    struct formula f;
    char message[8] = "1234567";
    cr_assert_not(formula_parse("Li?", &f, message, 4));
    cr_assert_lt(strlen(message), 4);
    cr_assert_str_eq(message + 4, "567");
}

Test(formula, cations_are_normalised_within_two_percent) {
    struct formula f = parse("Li1.18Mn0.6Ni0.21O2"); /* published; sums to 1.99 */
    char message[160] = "";
    double correction = 0;
    cr_assert(formula_normalise(&f, &correction, message, sizeof message));
    cr_assert_float_eq(correction, 2 / 1.99 - 1, 1e-12);
    cr_assert_float_eq(formula_amount(&f, "Li"), 1.18 * 2 / 1.99, 1e-12);
    cr_assert_float_eq(formula_amount(&f, "O"), 2, 1e-12);
    f = parse("Li1.22Mn0.8O2");
    cr_assert(formula_normalise(&f, &correction, message, sizeof message), "2.02 is within 0.02");
    f = parse("Li1.2Ni0.13Co0.13Mn0.54O2");
    cr_assert(formula_normalise(&f, &correction, message, sizeof message));
    cr_assert_eq(correction, 0);
}

Test(formula, other_cation_sums_are_refused) {
    const char *const bad[] = {"Li1.2Mn0.77O2", "Li1.2Mn0.83O2", "LiMn2O4", "Li2O"};
    const char *const sum[] = {"1.9700", "2.0300", "1.5000", "4.0000"};
    for (int i = 0; i < 4; i++) {
        struct formula f = parse(bad[i]);
        char message[160] = "";
        double correction;
        cr_assert_not(formula_normalise(&f, &correction, message, sizeof message));
        cr_assert(strstr(message, sum[i]), "%s", message);
    }
}
