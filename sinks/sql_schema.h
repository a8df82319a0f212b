/* sql_schema.h - the tables that the SQL sinks keep: one schema, two dialects.
 *
 * alert_event has a row per event; event_id is its primary key, so that an event which comes twice
 * after a crash is stored once. `body` holds the canonical JSON byte for byte, the other columns are
 * taken from it for people who ask questions in SQL. alert_episode shows the newest event of each
 * episode. alert_cursor says how far each sink of each pipeline is, and moves in the transaction
 * that stores the events. alert_schema holds the version; docs/sinks/ says what users may rely on.
 */
#ifndef VG_SINKS_SQL_SCHEMA_H
#define VG_SINKS_SQL_SCHEMA_H

/** Members of an event that are columns too, by the same name: X(name, type in PostgreSQL). */
#define VG_SQL_COLUMNS(X) \
    X(event_id, text)     \
    X(episode_id, text)   \
    X(phase, text)        \
    X(kind, text)         \
    X(priority, text)     \
    X(rule, text)         \
    X(title, text)        \
    X(text, text)         \
    X(patient, text)      \
    X(bed, text)          \
    X(ward, text)         \
    X(time, timestamptz)  \
    X(onset, timestamptz) \
    X(channel, text)

#define VG_SQL_NAME(name, type) #name ", "

/** The first migration of either dialect. `now` is the dialect's wall clock. */
#define VG_SQL_TABLES(columns, integer, timestamp, now, body)                                     \
    "create table alert_event (" columns "number " integer " not null, seq " integer              \
    " not null, stored_at " timestamp " not null default " now ", body " body " not null, "       \
    "primary key (event_id));"                                                                    \
    "create unique index alert_event_episode on alert_event (episode_id, number);"                \
    "create index alert_event_patient on alert_event (patient, time);"                            \
    "create index alert_event_time on alert_event (time);"                                        \
    "create view alert_episode as select * from alert_event e where not exists "                  \
    "(select 1 from alert_event n where n.episode_id = e.episode_id and n.number > e.number);"    \
    "create table alert_cursor (pipeline text not null, sink text not null, outbox text not null" \
    ", seq " integer " not null, primary key (pipeline, sink, outbox));"

#endif
