/* toml_reader: see toml_reader.h.
 *
 * toml++ is used header-only, with two changes that hostile texts make necessary: its nesting limit
 * is lowered because its destructors recurse, and its assertions, some of which a malformed text
 * can reach, throw in every build (with NDEBUG they would be promises to the compiler).
 */
#undef NDEBUG
namespace {
struct parser_stop {}; /* an assertion inside toml++ failed: the text is malformed in a way that it
                          has no message for */
[[noreturn]] void stop_parser() {
    throw parser_stop{};
}
} // namespace
#define TOML_ASSERT(condition) ((condition) ? static_cast<void>(0) : stop_parser())
#define TOML_MAX_NESTED_VALUES 6
#include <toml++/toml.h>

#include "toml_reader.h"

#include <algorithm>
#include <cstdio>
#include <deque>
#include <stdexcept>
#include <string>
#include <vector>

struct toml_reader_document {
    std::vector<toml_reader_entry> entries;
    std::deque<std::string> texts; /* a deque keeps the addresses of what it holds */
};

namespace {

constexpr int depth_max = 16;
constexpr int dots_max =
    800; /* on one line: bounds the depth of dotted keys before toml++ sees them */

/* A limit of this file was exceeded at a place. */
struct limit_error {
    std::string message;
    toml::source_position at;
};

const char *keep(toml_reader_document &d, std::string text) {
    d.texts.push_back(std::move(text));
    return d.texts.back().c_str();
}

bool is_bare(std::string_view key) {
    auto bare = [](unsigned char c) {
        return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
               c == '_' || c == '-';
    };
    return !key.empty() && std::all_of(key.begin(), key.end(), bare);
}

std::string join(const std::string &prefix, std::string_view key) {
    std::string component(key);
    if (!is_bare(key)) {
        for (char &c : component)
            if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f || c == '"')
                c = '?';
        component = '"' + component + '"';
    }
    return prefix.empty() ? component : prefix + '.' + component;
}

void flatten(toml_reader_document &d, const std::string &path, const toml::node &node,
             toml::source_position key, int depth);

void flatten_table(toml_reader_document &d, const std::string &path, const toml::table &table,
                   int depth) {
    struct member {
        const toml::key *key;
        const toml::node *node;
    };
    std::vector<member> members;
    for (const auto &[key, node] : table)
        members.push_back({&key, &node});
    auto earlier = [](const member &a, const member &b) {
        return a.key->source().begin < b.key->source().begin;
    };
    std::stable_sort(members.begin(), members.end(), earlier);
    for (const member &m : members)
        flatten(d, join(path, m.key->str()), *m.node, m.key->source().begin, depth + 1);
}

void flatten_list(toml_reader_document &d, const std::string &path, const toml::array &list,
                  int depth) {
    size_t i = 0;
    for (const toml::node &node : list)
        flatten(d, path + '[' + std::to_string(i++) + ']', node, node.source().begin, depth + 1);
}

void set_text(toml_reader_document &d, toml_reader_entry &e, const std::string &text,
              toml::source_position at) {
    if (text.find('\0') != std::string::npos)
        throw limit_error{"expected a text without NUL characters, found one", at};
    e.type = TOML_READER_TEXT;
    e.text = keep(d, text);
}

void set_value(toml_reader_document &d, toml_reader_entry &e, const toml::node &node) {
    if (const auto *v = node.as_integer()) {
        e.type = TOML_READER_INT;
        e.integer = v->get();
        e.real = static_cast<double>(v->get());
    } else if (const auto *r = node.as_floating_point()) {
        e.type = TOML_READER_REAL;
        e.real = r->get();
    } else if (const auto *b = node.as_boolean()) {
        e.type = TOML_READER_FLAG;
        e.flag = b->get();
    } else if (const auto *s = node.as_string()) {
        set_text(d, e, s->get(), node.source().begin);
    } else {
        e.type = TOML_READER_DATE;
    }
}

void flatten(toml_reader_document &d, const std::string &path, const toml::node &node,
             toml::source_position key, int depth) {
    toml::source_position at = node.source().begin;
    if (depth > depth_max)
        throw limit_error{"expected at most 16 levels of nesting, found more", key};
    if (path.size() >= TOML_READER_PATH_MAX)
        throw limit_error{"expected at most 255 bytes in the full name of a key, found more", key};
    size_t index = d.entries.size();
    toml_reader_entry e{};
    e.text = "";
    e.path = keep(d, path);
    e.key_line = static_cast<int>(key.line), e.key_column = static_cast<int>(key.column);
    e.line = static_cast<int>(at.line), e.column = static_cast<int>(at.column);
    if (const auto *table = node.as_table()) {
        e.type = TOML_READER_TABLE, e.count = table->size();
        d.entries.push_back(e);
        flatten_table(d, path, *table, depth);
    } else if (const auto *list = node.as_array()) {
        e.type = TOML_READER_LIST, e.count = list->size();
        d.entries.push_back(e);
        flatten_list(d, path, *list, depth);
    } else {
        set_value(d, e, node);
        d.entries.push_back(e);
    }
    d.entries[index].next = d.entries.size();
}

void check_dots(std::string_view text) {
    unsigned line = 1;
    int dots = 0;
    for (char c : text) {
        if (c == '\n')
            line++, dots = 0;
        if (c == '.' && ++dots > dots_max)
            throw limit_error{"expected at most 800 dots on a line, found more", {line, 1}};
    }
}

void set_error(toml_reader_error *error, const char *message, toml::source_position at) {
    std::snprintf(error->message, sizeof error->message, "%s", message);
    error->line = static_cast<int>(at.line);
    error->column = static_cast<int>(at.column);
}

bool stops(std::string_view text) {
    try {
        static_cast<void>(toml::parse(text));
    } catch (const parser_stop &) {
        return true;
    } catch (const toml::parse_error &) {
    }
    return false;
}

/* End of the line that holds the byte `at`, its newline included. */
size_t line_end(std::string_view text, size_t at) {
    size_t end = text.find('\n', at);
    return end == std::string_view::npos ? text.size() : end + 1;
}

/* The line where toml++ stops without a message: the last line of the shortest head of the text
 * that makes it stop.  toml++ reads from left to right, so longer heads stop as well and halving
 * finds it. */
toml::source_position stop_position(std::string_view text) {
    size_t good = 0, bad = text.size();
    while (good < bad) {
        size_t middle = good + (bad - good) / 2;
        if (stops(text.substr(0, line_end(text, middle))))
            bad = middle;
        else
            good = middle + 1;
    }
    auto before = text.substr(0, good);
    return {static_cast<unsigned>(1 + std::count(before.begin(), before.end(), '\n')), 1};
}

} // namespace

struct toml_reader_document *toml_reader_create(const char *text, size_t size,
                                                struct toml_reader_error *error) {
    toml_reader_document *document = nullptr;
    try {
        check_dots({text, size});
        toml::table root = toml::parse(std::string_view(text, size));
        document = new toml_reader_document;
        flatten_table(*document, "", root, 0);
        return document;
    } catch (const toml::parse_error &e) {
        char message[sizeof error->message]; /* nothing in a handler may throw */
        std::snprintf(message, sizeof message, "expected valid TOML, found: %.*s",
                      static_cast<int>(e.description().size()), e.description().data());
        set_error(error, message, e.source().begin);
    } catch (const parser_stop &) {
        toml::source_position at{1, 1};
        try {
            at = stop_position({text, size});
        } catch (...) { /* out of memory: the first line has to do */
        }
        set_error(error, "expected valid TOML, found a malformed key or value on this line", at);
    } catch (const limit_error &e) {
        set_error(error, e.message.c_str(), e.at);
    } catch (const std::exception &e) {
        set_error(error, e.what(), {1, 1});
    } catch (...) {
        set_error(error, "the TOML reader failed", {1, 1});
    }
    delete document;
    return nullptr;
}

void toml_reader_free(struct toml_reader_document *document) {
    delete document;
}

size_t toml_reader_count(const struct toml_reader_document *document) {
    return document->entries.size();
}

const struct toml_reader_entry *toml_reader_entry_at(const struct toml_reader_document *document,
                                                     size_t i) {
    return &document->entries[i];
}
