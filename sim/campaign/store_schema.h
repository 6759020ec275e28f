/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef IASO_SIM_STORE_SCHEMA_H
#define IASO_SIM_STORE_SCHEMA_H

/* "Iaso", and the version of what follows: the header of the file says both. */
#define STORE_APPLICATION_ID 0x4961736f
#define STORE_VERSION        1

/* Equal campaigns have equal tables, whatever the order was in which the rows came. */
#define STORE_SCHEMA                                                                       \
    "CREATE TABLE identity(name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;"     \
    "CREATE TABLE fact(name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;"         \
    "CREATE TABLE part(shards INTEGER, shard INTEGER, finished INTEGER NOT NULL,"          \
    " PRIMARY KEY(shards, shard)) WITHOUT ROWID;"                                          \
    "CREATE TABLE round(round INTEGER, shards INTEGER, shard INTEGER, what TEXT NOT NULL," \
    " items INTEGER NOT NULL, sharded INTEGER NOT NULL,"                                   \
    " PRIMARY KEY(round, shards, shard)) WITHOUT ROWID;"                                   \
    "CREATE TABLE result(round INTEGER, key TEXT, outcome TEXT NOT NULL, detail TEXT,"     \
    " attempts INTEGER NOT NULL, PRIMARY KEY(round, key)) WITHOUT ROWID;"

#endif
