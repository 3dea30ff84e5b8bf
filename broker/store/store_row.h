//  store_row - maps rows to columns: one table of columns drives CREATE, INSERT, bind and read.
//
//  Part of the port to SQLite; only store*.c include it.
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct sqlite3 sqlite3;
typedef struct sqlite3_stmt sqlite3_stmt;

typedef enum {
    STORE_ROW_INT,  //  int64_t
    STORE_ROW_ENUM, //  int or an enum of its size
    STORE_ROW_BOOL, //  bool
    STORE_ROW_TEXT  //  char [size], NUL-terminated
} store_row_type_t;

typedef struct {
    const char *name;
    store_row_type_t type;
    size_t offset;
    size_t size;      //  of the member, bytes
    const char *decl; //  text behind the type in CREATE TABLE; may be ""
    bool fixed;       //  never updated; so its indexes are not written again
} store_row_column_t;

typedef struct {
    const char *name;
    const store_row_column_t *columns; //  a name of NULL ends them
    size_t row_size;                   //  sizeof the struct
    const char *key;                   //  columns of the upsert; NULL: rows are only inserted
    const char *other_key;             //  a second unique key, whose old row is replaced; or NULL
    const char *constraints;           //  text behind the columns in CREATE TABLE
} store_row_table_t;

enum { STORE_ROW_SQL_BYTES = 4096 };

extern const store_row_table_t store_row_incident;
extern const store_row_table_t store_row_attempt;
extern const store_row_table_t store_row_effect;
extern const store_row_table_t store_row_breaker;
extern const store_row_table_t store_row_alert;
extern const store_row_table_t store_row_record;
extern const store_row_table_t store_row_message;
extern const store_row_table_t store_row_folder;
extern const store_row_table_t store_row_retention;

//  Make the table if it is missing.  Err: a SQLite code > 0.
int
store_row_create (sqlite3 *db, const store_row_table_t *table) must_check;
//  Prepare "insert or update this row".  Err: a SQLite code > 0.
int
store_row_prepare_write (sqlite3 *db, const store_row_table_t *table,
                         sqlite3_stmt **ret_stmt) must_check;
//  Prepare "SELECT columns FROM table <tail>".  Err: a SQLite code > 0.
int
store_row_prepare_read (sqlite3 *db, const store_row_table_t *table, const char *tail,
                        sqlite3_stmt **ret_stmt) must_check;
//  Bind all columns in their order, from parameter 1 on.
void
store_row_bind (sqlite3_stmt *stmt, const store_row_table_t *table, const void *row);
//  Read the current row of a statement made by store_row_prepare_read.
void
store_row_read (sqlite3_stmt *stmt, const store_row_table_t *table, void *ret_row);
