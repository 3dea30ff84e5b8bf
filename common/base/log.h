//  log - one message plus typed fields; the sink quotes and escapes.
//
//  log_info ("lease granted", kv ("incident_id", id), kv ("attempt", n));
//  logfmt:  ts=... level=info component=dispatch msg="lease granted" incident_id=... attempt=1
//  json:    {"ts":"...","level":"info","component":"dispatch","msg":"lease granted",...}
//  component is the stem of the source file: a file is one noun.
//  Values may be hostile.  Quotes, backslashes, control bytes, DEL, invalid UTF-8 and the C1 range
//  are escaped, and values over LIMIT_LOG_VALUE_BYTES are cut.  So no value can forge a field or a
//  line.
//  Threads: any; one line is one write(2) to stderr.
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stdbool.h>
#include <stdint.h>

enum log_level { LOG_LEVEL_DEBUG, LOG_LEVEL_INFO, LOG_LEVEL_WARN, LOG_LEVEL_ERROR };
enum log_format { LOG_FORMAT_LOGFMT, LOG_FORMAT_JSON };
enum log_kind {
    LOG_KIND_END,
    LOG_KIND_STR,
    LOG_KIND_I64,
    LOG_KIND_U64,
    LOG_KIND_F64,
    LOG_KIND_BOOL
};

typedef struct {
    const char *key;
    enum log_kind kind;
    union {
        const char *str;
        int64_t i64;
        uint64_t u64;
        double f64;
        bool flag;
    } as;
} log_kv_t;

static inline log_kv_t
log_kv_str (const char *k, const char *v)
{
    return (log_kv_t){.key = k, .kind = LOG_KIND_STR, .as.str = v};
}
static inline log_kv_t
log_kv_i64 (const char *k, int64_t v)
{
    return (log_kv_t){.key = k, .kind = LOG_KIND_I64, .as.i64 = v};
}
static inline log_kv_t
log_kv_u64 (const char *k, uint64_t v)
{
    return (log_kv_t){.key = k, .kind = LOG_KIND_U64, .as.u64 = v};
}
static inline log_kv_t
log_kv_f64 (const char *k, double v)
{
    return (log_kv_t){.key = k, .kind = LOG_KIND_F64, .as.f64 = v};
}
static inline log_kv_t
log_kv_bool (const char *k, bool v)
{
    return (log_kv_t){.key = k, .kind = LOG_KIND_BOOL, .as.flag = v};
}

#define kv(key, val)                                                                               \
    _Generic ((val), \
    char *: log_kv_str, const char *: log_kv_str, bool: log_kv_bool, double: log_kv_f64, \
    int: log_kv_i64, long: log_kv_i64, long long: log_kv_i64, \
    unsigned: log_kv_u64, unsigned long: log_kv_u64, unsigned long long: log_kv_u64) ((key), (val))

//  Write one line; use the log_ macros below.  file names the component; fields end with an empty
//  one.
void
log_emit (enum log_level level, const char *file, const char *msg, const log_kv_t *fields);
//  Lines below this level are dropped; LOG_LEVEL_INFO unless set.
void
log_set_level (enum log_level level);
void
log_set_format (enum log_format format);
//  Where lines are written; 2 (stderr) unless set.  Own: borrows fd.
void
log_set_fd (int fd);

//  Split one argument list into the message and the list of fields, ended by {0}.
#define LOG_MSG_(msg, ...) (msg)
#define LOG_FIELDS_(msg, ...) ((const log_kv_t []){__VA_ARGS__})
#define log_at_(level, ...)                                                                        \
    log_emit ((level), __FILE__, LOG_MSG_ (__VA_ARGS__, 0), LOG_FIELDS_ (__VA_ARGS__, {0}))
#define log_debug(...) log_at_ (LOG_LEVEL_DEBUG, __VA_ARGS__)
#define log_info(...) log_at_ (LOG_LEVEL_INFO, __VA_ARGS__)
#define log_warn(...) log_at_ (LOG_LEVEL_WARN, __VA_ARGS__)
#define log_error(...) log_at_ (LOG_LEVEL_ERROR, __VA_ARGS__)
