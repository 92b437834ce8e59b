/* toml_reader: a TOML text as a flat list of entries with the line and column of every key and value.
 *
 * C-callable shim over toml++.  No exception leaves it.  Texts are treated as hostile: nesting is limited (16 levels, 800 dots on a line),
 * so are the lengths of paths (255 bytes); NUL characters in texts are refused.  Without memory the program ends with exit code 4.
 *
 * The entries are in document order, every table or list directly before what it holds:
 *     path "a"         TABLE, next = 3            [a]
 *     path "a.b"       LIST,  next = 3            b = [7]
 *     path "a.b[0]"    INT
 * Keys that are not bare ([A-Za-z0-9_-]) are quoted in the path: a."b c".
 * Owner: the caller of toml_reader_create frees with toml_reader_free; entries and their texts live as long as the document.
 */
#ifndef KMC_TOML_READER_H
#define KMC_TOML_READER_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#ifdef __cplusplus
extern "C" {
#endif

enum { TOML_READER_PATH_MAX = 256 };

enum toml_reader_type {
    TOML_READER_TABLE,
    TOML_READER_LIST,
    TOML_READER_INT,
    TOML_READER_REAL,
    TOML_READER_FLAG,
    TOML_READER_TEXT,
    TOML_READER_DATE /* date, time or both */
};

struct toml_reader_entry {
    const char *path;
    enum toml_reader_type type;
    int64_t integer;          /* INT */
    double real;              /* REAL: may be infinite or NaN; INT: the same number */
    bool flag;                /* FLAG */
    const char *text;         /* TEXT, UTF-8; otherwise "" */
    size_t count;             /* direct members of a TABLE or LIST */
    size_t next;              /* index of the first later entry that is not below this one */
    int key_line, key_column; /* 1-based; of the value for list items */
    int line, column;         /* of the value */
};

struct toml_reader_document;

struct toml_reader_error {
    char message[400]; /* what is wrong, one line */
    int line, column;  /* 1-based */
};

/* Returns NULL with *error filled when the text is not TOML or exceeds a limit. */
struct toml_reader_document *toml_reader_create(const char *text, size_t size,
                                                struct toml_reader_error *error);
void toml_reader_free(struct toml_reader_document *document);

size_t toml_reader_count(const struct toml_reader_document *document);
const struct toml_reader_entry *toml_reader_entry_at(const struct toml_reader_document *document,
                                                     size_t i);
#ifdef __cplusplus
}
#endif
#endif
