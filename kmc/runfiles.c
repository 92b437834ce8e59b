#define _POSIX_C_SOURCE 200809L
#include "runfiles.h"
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PATH_BYTES = 1280, MAX_COLUMNS = 512, MAX_JSON_DEPTH = 64 };
static const int64_t MAX_FILE_BYTES = (int64_t)1 << 34;

/* ---- whole files ---- */

/* Text of a file. Owner of `data`: whoever called read_text. */
struct text {
    const char *path;
    char *data; /* ends with a 0 byte beyond `size` */
    size_t size;
};

/* line 0 = the file as a whole. */
static int fail(FILE *errors, const char *path, size_t line, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    fputs(path, errors);
    if (line)
        fprintf(errors, ":%zu", line);
    fputs(": error: ", errors);
    vfprintf(errors, format, arguments);
    fputc('\n', errors);
    va_end(arguments);
    return RUNFILES_CORRUPT;
}

static int out_of_memory(FILE *errors, const char *path) {
    fail(errors, path, 0, "out of memory while reading");
    return RUNFILES_MEMORY;
}

/* Opens a regular file only: a pipe or device in its place must not block or run without end. */
static int open_regular(const char *path, int64_t *size, FILE *errors) {
    struct stat status;
    int file = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    if (file < 0) {
        fail(errors, path, 0, "cannot open: %s", strerror(errno));
        return -1;
    }
    if (fstat(file, &status) || !S_ISREG(status.st_mode) || status.st_size > MAX_FILE_BYTES) {
        fail(errors, path, 0, "expected a regular file below 16 GiB");
        close(file);
        return -1;
    }
    *size = status.st_size;
    return file;
}

static int read_text(struct text *t, const char *path, FILE *errors) {
    int64_t bytes = 0;
    *t = (struct text){.path = path};
    int file = open_regular(path, &bytes, errors);
    if (file < 0)
        return RUNFILES_CORRUPT;
    t->data = malloc((size_t)bytes + 1);
    ssize_t got = t->data ? 0 : -1;
    while (t->data && t->size < (size_t)bytes) {
        got = read(file, t->data + t->size, (size_t)bytes - t->size);
        if (got <= 0)
            break;
        t->size += (size_t)got;
    }
    close(file);
    if (!t->data)
        return out_of_memory(errors, path);
    t->data[t->size] = 0;
    if (got >= 0)
        return 0;
    fail(errors, path, 0, "cannot read: %s", strerror(errno));
    free(t->data);
    return RUNFILES_CORRUPT;
}

/* ---- numbers ---- */

/* Plain decimal number, finite, nothing around it. */
static bool parse_number(const char *text, size_t length, double *value) {
    char copy[64], *end = NULL;
    if (length == 0 || length >= sizeof copy || memchr(text, 0, length))
        return false;
    memcpy(copy, text, length);
    copy[length] = 0;
    if (strspn(copy, "0123456789+-.eE") != length) /* no "inf", "nan", hexadecimal or blanks */
        return false;
    *value = strtod(copy, &end);
    return end == copy + length && isfinite(*value);
}

static bool parse_integer(const char *text, size_t length, int64_t *value) {
    char copy[32], *end = NULL;
    if (length == 0 || length >= sizeof copy)
        return false;
    memcpy(copy, text, length);
    copy[length] = 0;
    if (strspn(copy, "0123456789-") != length)
        return false;
    errno = 0;
    *value = strtoll(copy, &end, 10);
    return end == copy + length && errno == 0;
}

/* ---- CSV ---- */

/* One line without its end; fields are found by commas. */
struct line {
    char *begin, *end;
    size_t number;
};

/* Next line, or false at the end of the text. A line without its newline is left for the caller to
 * find: end reaches the text's end. */
static bool next_line(const struct text *t, struct line *l, bool *complete) {
    char *begin = l->number ? l->end + 1 : t->data, *stop = t->data + t->size;
    if (begin >= stop)
        return false;
    char *end = memchr(begin, '\n', (size_t)(stop - begin));
    *complete = end != NULL;
    *l = (struct line){begin, end ? end : stop, l->number + 1};
    return true;
}

/* Cuts a line at its commas in place; returns how many fields it has, of which at most `limit` are
 * stored. */
static size_t split(struct line l, char **field, size_t *length, size_t limit) {
    size_t n = 0;
    char *stop = l.end > l.begin && l.end[-1] == '\r' ? l.end - 1 : l.end;
    for (char *begin = l.begin;; n++) {
        char *comma = memchr(begin, ',', (size_t)(stop - begin));
        char *end = comma ? comma : stop;
        if (n < limit) {
            field[n] = begin;
            length[n] = (size_t)(end - begin);
        }
        if (!comma)
            return n + 1;
        begin = comma + 1;
    }
}

static const char CUT_OFF[] = "line is cut off: expected a newline at its end\n"
                              "    hint: the file was truncated; run the scenario again";

static int read_header(struct statistics_table *t, const struct text *text, struct line *l,
                       FILE *errors) {
    char *field[MAX_COLUMNS];
    size_t length[MAX_COLUMNS];
    bool complete = false;
    if (!next_line(text, l, &complete))
        return fail(errors, text->path, 1, "expected a header row, found an empty file");
    if (!complete)
        return fail(errors, text->path, 1, "%s", CUT_OFF);
    size_t n = split(*l, field, length, MAX_COLUMNS);
    if (n > MAX_COLUMNS)
        return fail(errors, text->path, 1, "expected at most %d columns, found %zu", MAX_COLUMNS,
                    n);
    for (size_t i = 0; i < n; i++) {
        field[i][length[i]] = 0;
        if (strlen(field[i]) != length[i] || length[i] == 0)
            return fail(errors, text->path, 1, "column %zu: expected a name", i + 1);
        for (size_t j = 0; j < i; j++)
            if (!strcmp(field[i], field[j]))
                return fail(errors, text->path, 1, "column `%.80s` appears twice", field[i]);
    }
    if (!statistics_table_create(t, (const char *const *)field, n))
        return out_of_memory(errors, text->path);
    return 0;
}

static int read_row(struct statistics_table *t, const struct text *text, struct line l,
                    FILE *errors) {
    char *field[MAX_COLUMNS];
    size_t length[MAX_COLUMNS], n = split(l, field, length, MAX_COLUMNS);
    double row[MAX_COLUMNS];
    if (n != t->n_columns)
        return fail(errors, text->path, l.number, "expected %zu fields, found %zu", t->n_columns,
                    n);
    for (size_t i = 0; i < n; i++) {
        row[i] = NAN; /* empty = not defined */
        if (length[i] == 0 || statistics_is_text_column(t->name[i]))
            continue;
        if (!parse_number(field[i], length[i], &row[i]))
            return fail(errors, text->path, l.number,
                        "column `%.80s`: expected a finite number or nothing, found `%.*s`",
                        t->name[i], length[i] < 40 ? (int)length[i] : 40, field[i]);
    }
    return statistics_table_append(t, row) ? 0 : out_of_memory(errors, text->path);
}

int runfiles_read_table(struct statistics_table *t, const char *path, FILE *errors) {
    struct text text;
    struct line line = {0};
    bool complete = true;
    *t = (struct statistics_table){0};
    int code = read_text(&text, path, errors);
    if (code)
        return code;
    code = read_header(t, &text, &line, errors);
    while (!code && next_line(&text, &line, &complete))
        code = complete ? read_row(t, &text, line, errors)
                        : fail(errors, path, line.number, "%s", CUT_OFF);
    free(text.data);
    if (code)
        statistics_table_free(t);
    return code;
}

static int read_cycles(struct statistics_table *t, struct statistics_cycles *c, const char *path,
                       FILE *errors) {
    size_t bad_row = 0;
    int code = runfiles_read_table(t, path, errors);
    if (code)
        return code;
    const char *problem = statistics_cycles_init(c, t, &bad_row);
    if (!problem && t->n_rows > 0)
        return 0;
    code = fail(errors, path, t->n_rows ? bad_row + 2 : 1, "%s", /* row 0 is line 2 */
                problem ? problem : "expected at least one cycle, found only the header");
    if (!problem)
        statistics_cycles_free(c);
    statistics_table_free(t);
    return code;
}

/* ---- JSON ---- */

/* Reader position. Values are skipped or compared in place, nothing is stored. */
struct json {
    const struct text *text;
    const char *at;
    const char *problem; /* what was expected, NULL while all is well */
};

static void skip_blanks(struct json *j) {
    j->at += strspn(j->at, " \t\r\n");
}

static bool expected(struct json *j, const char *what) {
    if (!j->problem)
        j->problem = what;
    return false;
}

static bool skip_string(struct json *j) {
    if (*j->at != '"')
        return expected(j, "a string");
    for (j->at++; *j->at != '"'; j->at++) {
        if ((unsigned char)*j->at < ' ') /* includes the end of the text */
            return expected(j, "the end of a string");
        if (*j->at == '\\' && *++j->at == 0)
            return expected(j, "the end of a string");
    }
    j->at++;
    return true;
}

static bool skip_scalar(struct json *j) {
    size_t length = strspn(j->at, "0123456789+-.eE");
    double number;
    if (length == 0) {
        for (int i = 0; i < 3; i++) {
            const char *word = (const char *const[]){"true", "false", "null"}[i];
            if (!strncmp(j->at, word, strlen(word))) {
                j->at += strlen(word);
                return true;
            }
        }
        return expected(j, "a value");
    }
    if (!parse_number(j->at, length, &number))
        return expected(j, "a finite number");
    j->at += length;
    return true;
}

static bool skip_value(struct json *j, int depth);

/* Steps over `,` or the closing bracket; returns true while members follow. */
static bool more_members(struct json *j, char close) {
    skip_blanks(j);
    if (*j->at == ',') {
        j->at++;
        skip_blanks(j);
        return true;
    }
    if (*j->at != close)
        return expected(j, close == '}' ? "`,` or `}`" : "`,` or `]`");
    j->at++;
    return false;
}

static bool skip_key(struct json *j) {
    if (!skip_string(j))
        return false;
    skip_blanks(j);
    if (*j->at != ':')
        return expected(j, "`:`");
    j->at++;
    skip_blanks(j);
    return true;
}

static bool skip_members(struct json *j, char close, int depth) {
    j->at++;
    skip_blanks(j);
    if (*j->at == close) {
        j->at++;
        return true;
    }
    do {
        if (close == '}' && !skip_key(j))
            return false;
        if (!skip_value(j, depth))
            return false;
    } while (more_members(j, close));
    return !j->problem;
}

static bool skip_value(struct json *j, int depth) {
    if (depth > MAX_JSON_DEPTH)
        return expected(j, "at most 64 nested brackets");
    if (*j->at == '{')
        return skip_members(j, '}', depth + 1);
    if (*j->at == '[')
        return skip_members(j, ']', depth + 1);
    return *j->at == '"' ? skip_string(j) : skip_scalar(j);
}

/* Checks the whole text once; later look-ups may then rely on its form. */
static int check_json(const struct text *text, FILE *errors) {
    struct json j = {.text = text, .at = text->data};
    skip_blanks(&j);
    if (*j.at != '{')
        expected(&j, "`{`");
    else if (skip_value(&j, 0)) {
        skip_blanks(&j);
        if (j.at != text->data + text->size)
            expected(&j, "the end of the file");
    }
    if (!j.problem)
        return 0;
    size_t line = 1;
    for (const char *c = text->data; c < j.at; c++)
        line += *c == '\n';
    return fail(errors, text->path, line, "expected %s, found `%.20s`", j.problem,
                *j.at ? j.at : "end of text");
}

/* Text of the value of a key of the object at `object` (checked JSON), or NULL. */
static const char *json_member(const struct text *text, const char *object, const char *key) {
    struct json j = {.text = text, .at = object};
    size_t length = strlen(key);
    if (!object || *j.at != '{')
        return NULL;
    j.at++;
    skip_blanks(&j);
    if (*j.at == '}')
        return NULL;
    do {
        const char *name = j.at + 1;
        if (!skip_key(&j))
            return NULL;
        if (!strncmp(name, key, length) && name[length] == '"')
            return j.at;
    } while (skip_value(&j, 0) && more_members(&j, '}'));
    return NULL;
}

static size_t scalar_length(const char *value) {
    return strspn(value, "0123456789+-.eE");
}

/* Copies a JSON string, cut to the buffer; control characters and \u escapes become `?`. False when
 * it is no string. */
static bool json_text(const char *value, char *out, size_t bytes) {
    size_t n = 0;
    out[0] = 0;
    if (!value || *value != '"')
        return false;
    for (const char *c = value + 1; *c && *c != '"'; c++) {
        char letter = *c;
        if (letter == '\\') {
            letter = *++c;
            if (letter == 'u')
                c += strspn(c + 1, "0123456789abcdefABCDEF") < 4 ? 0 : 4;
            if (!strchr("\"\\/", letter))
                letter = '?';
        }
        if (n + 1 < bytes)
            out[n++] = letter;
    }
    out[n] = 0;
    return true;
}

/* ---- run directory ---- */

static const char *const PROTOCOL[RUNFILES_N_PROTOCOL] = {
    [RUNFILES_LOWER_CUTOFF_V] = "lower_cutoff_V",     [RUNFILES_UPPER_CUTOFF_V] = "upper_cutoff_V",
    [RUNFILES_C_RATE_PER_H] = "c_rate_per_h",         [RUNFILES_CYCLES] = "cycles",
    [RUNFILES_FADE_FIRST_CYCLE] = "fade_first_cycle",
};

const char *runfiles_protocol_name(enum runfiles_protocol key) {
    return PROTOCOL[key];
}

static bool join(char path[PATH_BYTES], const char *directory, const char *name, FILE *errors) {
    int n = snprintf(path, PATH_BYTES, "%s/%s", directory, name);
    if (n > 0 && n < PATH_BYTES)
        return true;
    fail(errors, directory, 0, "expected a path below %d characters", PATH_BYTES);
    return false;
}

bool runfiles_is_run(const char *directory, FILE *errors) {
    char path[PATH_BYTES];
    struct stat status;
    if (stat(directory, &status)) {
        fail(errors, directory, 0, "cannot open run directory: %s", strerror(errno));
        return false;
    }
    if (!S_ISDIR(status.st_mode)) {
        fail(errors, directory, 0, "expected a run directory, found a file");
        return false;
    }
    if (!join(path, directory, "run.json", errors))
        return false;
    if (stat(path, &status) == 0)
        return true;
    fail(errors, directory, 0,
         "expected a run directory, found no run.json in it\n"
         "    hint: give the directory that `kmc run SCENARIO.toml -o DIR` wrote");
    return false;
}

static int read_fields(struct runfiles_run *run, const struct text *text, FILE *errors) {
    const char *root = text->data + strspn(text->data, " \t\r\n");
    const char *seed = json_member(text, root, "seed");
    const char *protocol = json_member(text, root, "protocol");
    if (!json_text(json_member(text, root, "scenario"), run->scenario, sizeof run->scenario))
        return fail(errors, text->path, 0, "expected \"scenario\": \"NAME\"");
    if (!seed || !parse_integer(seed, scalar_length(seed), &run->seed))
        return fail(errors, text->path, 0, "expected \"seed\": a whole number");
    json_text(json_member(text, root, "parameter_hash"), run->parameter_hash,
              sizeof run->parameter_hash);
    json_text(json_member(text, root, "claims"), run->claims, sizeof run->claims);
    for (int i = 0; i < RUNFILES_N_PROTOCOL; i++) {
        const char *value = json_member(text, protocol, PROTOCOL[i]);
        if (!value || !parse_number(value, scalar_length(value), &run->protocol[i]))
            run->protocol[i] = NAN;
    }
    return 0;
}

static int read_run_json(struct runfiles_run *run, FILE *errors) {
    char path[PATH_BYTES];
    struct text text;
    if (!join(path, run->directory, "run.json", errors))
        return RUNFILES_USAGE;
    int code = read_text(&text, path, errors);
    if (code)
        return code;
    code = check_json(&text, errors);
    if (!code)
        code = read_fields(run, &text, errors);
    free(text.data);
    return code;
}

/* Number of `key = NUMBER` in a line of TOML; NaN when the line is another one. */
static double toml_number(const char *line, const char *key) {
    size_t length = strlen(key);
    double value = NAN;
    line += strspn(line, " \t");
    if (strncmp(line, key, length) != 0)
        return NAN;
    line += length + strspn(line + length, " \t");
    if (*line++ != '=')
        return NAN;
    line += strspn(line, " \t");
    return parse_number(line, scalar_length(line), &value) ? value : NAN;
}

/* Protocol values that run.json lacks, from the lines of table [protocol] in resolved.toml. A
 * missing file leaves them NaN. */
static int read_resolved(struct runfiles_run *run, FILE *errors) {
    char path[PATH_BYTES];
    struct text text;
    struct line line = {0};
    bool complete, inside = false;
    if (!join(path, run->directory, "resolved.toml", errors))
        return RUNFILES_USAGE;
    if (access(path, F_OK))
        return 0;
    int code = read_text(&text, path, errors);
    if (code)
        return code;
    while (next_line(&text, &line, &complete)) {
        *line.end = 0;
        char *begin = line.begin + strspn(line.begin, " \t");
        if (*begin == '[')
            inside = !strncmp(begin, "[protocol]", 10);
        for (int i = 0; inside && i < RUNFILES_N_PROTOCOL; i++)
            if (isnan(run->protocol[i]))
                run->protocol[i] = toml_number(begin, PROTOCOL[i]);
    }
    free(text.data);
    return 0;
}

static void set_directory(struct runfiles_run *run, const char *directory) {
    snprintf(run->directory, sizeof run->directory, "%s", directory);
    size_t n = strlen(run->directory);
    while (n > 1 && run->directory[n - 1] == '/')
        run->directory[--n] = 0;
}

int runfiles_open(struct runfiles_run *run, const char *directory, FILE *errors) {
    char path[PATH_BYTES];
    *run = (struct runfiles_run){0};
    if (strlen(directory) >= sizeof run->directory) {
        fail(errors, directory, 0, "expected a path below %zu characters", sizeof run->directory);
        return RUNFILES_USAGE;
    }
    if (!runfiles_is_run(directory, errors))
        return RUNFILES_USAGE;
    set_directory(run, directory);
    int code = read_run_json(run, errors);
    if (!code)
        code = read_resolved(run, errors);
    if (code)
        return code;
    if (join(path, run->directory, "DONE", errors))
        run->finished = access(path, F_OK) == 0;
    if (!join(path, run->directory, "cycles.csv", errors))
        return RUNFILES_USAGE;
    return read_cycles(&run->table, &run->cycles, path, errors);
}

void runfiles_free(struct runfiles_run *run) {
    statistics_cycles_free(&run->cycles);
    statistics_table_free(&run->table);
}

/* ---- summary.csv ---- */

static int replace_summary(const struct statistics_cycles *c, const char *temporary,
                           const char *path, int64_t fade_first_cycle, FILE *errors) {
    FILE *out = fopen(temporary, "w");
    if (!out)
        return fail(errors, temporary, 0, "cannot create: %s", strerror(errno));
    bool good = statistics_write_summary(c, fade_first_cycle, out) && fflush(out) == 0 &&
                fsync(fileno(out)) == 0;
    good = fclose(out) == 0 && good;
    if (good && rename(temporary, path) == 0)
        return 0;
    int code = fail(errors, path, 0, "cannot write: %s", strerror(errno));
    unlink(temporary);
    return code;
}

int runfiles_write_summary(const char *directory, int64_t fade_first_cycle, FILE *errors) {
    char path[PATH_BYTES], temporary[PATH_BYTES];
    struct statistics_table table;
    struct statistics_cycles cycles;
    if (!join(path, directory, "cycles.csv", errors))
        return RUNFILES_USAGE;
    int code = read_cycles(&table, &cycles, path, errors);
    if (code)
        return code;
    code = RUNFILES_USAGE;
    if (join(path, directory, "summary.csv", errors) &&
        join(temporary, directory, "summary.csv.tmp", errors))
        code = replace_summary(&cycles, temporary, path, fade_first_cycle, errors);
    statistics_cycles_free(&cycles);
    statistics_table_free(&table);
    return code;
}
