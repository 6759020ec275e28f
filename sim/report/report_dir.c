/* SPDX-License-Identifier: GPL-2.0-or-later */
#define _GNU_SOURCE /* asprintf() */
#include "sim/report/report_dir.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <fts.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sim/folder.h"

#define STAGING "/.iaso-new"
#define LOCK    "/lock"

/* All files that reports have; others in the folder are somebody's. What is derived from
 * report.json can be made anew, the rest is recorded by a run. */
static const struct known {
    const char *pattern;
    bool derived;
} known[] = {
    {"report.json", false},
    {"config.json", false},
    {"host.json", false},
    {"trace.json", false},
    {"power.vcd", false},
    {"coverage.info", false},
    {"stacks-log.folded", false},
    {"stacks-energy.folded", false},
    {"findings.txt", false},
    {"finding-*.json", false},
    {"report.html", true},
    {"compare.csv", true},
    {"compare.html", true},
    {"tables/totals.csv", true},
    {"tables/inputs.csv", true},
    {"tables/harts.csv", true},
    {"tables/requests.csv", true},
    {"tables/outside.csv", true},
    {"tables/workloads.csv", true},
    {"tables/threads.csv", true},
    {"tables/functions.csv", true},
    {"tables/overhead.csv", true},
    {"tables/failures.csv", true},
    {"tables/domains.csv", true},
    {"tables/lives.csv", true},
    {"tables/voltage.csv", true},
    {"tables/counters.csv", true},
    {"tables/energy-causes.csv", true},
    {"tables/energy-kinds.csv", true},
    {"tables/energy-regions.csv", true},
    {"tables/energy-functions.csv", true},
    {"tables/nvm.csv", true},
    {"tables/wear.csv", true},
    {"tables/outcomes.csv", true},
    {"tables/survival.csv", true},
    {"tables/rounds.csv", true},
    {"tables/runs.csv", true},
    {"tables/cuts.csv", true},
    {"tables/findings.csv", true},
    {"plots/style.gp", true},
    {"plots/coverage.gp", true},
    {"plots/coverage.svg", true},
    {"plots/requests.gp", true},
    {"plots/requests.svg", true},
    {"plots/outside.gp", true},
    {"plots/outside.svg", true},
    {"plots/overhead.gp", true},
    {"plots/overhead.svg", true},
    {"plots/failures.gp", true},
    {"plots/failures.svg", true},
    {"plots/voltage.gp", true},
    {"plots/voltage.svg", true},
    {"plots/energy.gp", true},
    {"plots/energy.svg", true},
    {"plots/functions.gp", true},
    {"plots/functions.svg", true},
    {"plots/wear.gp", true},
    {"plots/wear.svg", true},
    {"plots/cuts.gp", true},
    {"plots/cuts.svg", true},
    {"plots/outcomes.gp", true},
    {"plots/outcomes.svg", true},
    {"plots/cascades.dot", true},
    {"plots/cascades.svg", true},
};

struct report_dir {
    char *path, *staging;
    size_t was;   /* so many characters of `path` name a directory that was there before */
    int lock;     /* of the staging folder; -1: not held */
    bool rebuild; /* only what is derived */
};

static const struct known *find_known(const char *name)
{
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (fnmatch(known[i].pattern, name, FNM_PATHNAME | FNM_PERIOD) == 0)
            return &known[i];
    return NULL;
}

bool report_dir_is_ours(const char *name)
{
    return find_known(name) != NULL;
}

/* ---- Folders ------------------------------------------------------------------------------- */

/* How much of a path was there before it is made. */
static size_t existing(const char *path)
{
    char part[PATH_MAX];
    struct stat st;
    size_t length = strlen(path);
    while (length > 0) {
        snprintf(part, sizeof part, "%.*s", (int)length, path);
        if (stat(part, &st) == 0)
            break;
        while (length > 0 && path[length - 1] != '/')
            length--;
        while (length > 0 && path[length - 1] == '/')
            length--;
    }
    return length;
}

/* Removes what was made of it, as far as that is empty. */
static void unmake(char *path, size_t was)
{
    size_t length = strlen(path);
    while (length > was && (rmdir(path) == 0 || errno == ENOENT || errno == ENOTDIR)) {
        while (length > was && path[length - 1] != '/')
            length--;
        while (length > was && path[length - 1] == '/')
            length--;
        path[length] = 0;
    }
}

/* Symbolic links in the folder are not followed; FTS_COMFOLLOW: the folder itself may be one. */
static FTS *walk(const char *path, int follow)
{
    char *const roots[] = {(char *)path, NULL};
    return fts_open(roots, FTS_PHYSICAL | FTS_NOCHDIR | follow, NULL);
}

/* Removes a folder and what is in it, but not the file `except`. */
static void clear(const char *path, const char *except)
{
    FTS *tree = walk(path, 0);
    FTSENT *entry;
    while (tree && (entry = fts_read(tree), entry)) {
        if (entry->fts_info == FTS_DP)
            rmdir(entry->fts_accpath);
        else if (entry->fts_info != FTS_D && strcmp(entry->fts_path, except))
            unlink(entry->fts_accpath);
    }
    if (tree)
        fts_close(tree);
}

/* Whoever has the lock has the folder. A run that was killed has it no more, but has left its
 * staging folder. */
static int take(struct report_dir *dir, struct error *err)
{
    struct stat st;
    char *name = NULL;
    if ((mkdir(dir->staging, 0777) && errno != EEXIST) || lstat(dir->staging, &st))
        return error_set(err, "%s: cannot write a report there: %s", dir->path, strerror(errno));
    if (!S_ISDIR(st.st_mode))
        return error_set(err, "%s: expected a folder or nothing, found something else",
                         dir->staging);
    if (asprintf(&name, "%s" LOCK, dir->staging) < 0)
        return error_set(err, "out of memory");
    int fd = open(name, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0666), result = 0;
    if (fd < 0 && errno != ENOENT)
        result = error_set(err, "%s: cannot write a report there: %s", dir->path, strerror(errno));
    else if (fd < 0 || (flock(fd, LOCK_EX | LOCK_NB) && errno == EWOULDBLOCK) || fstat(fd, &st) ||
             st.st_nlink == 0)
        result = error_set(err, "%s: another run is making a report there", dir->path);
    if (result == 0)
        clear(dir->staging, name);
    else if (fd >= 0)
        close(fd);
    dir->lock = result ? -1 : fd;
    free(name);
    return result;
}

/* The first lines of a report of ours, of any version; the rest may be damaged. */
static bool is_report(const char *path)
{
    static const char start[] = "{\"format\":\"iaso report ";
    size_t seen = 0;
    struct stat st;
    int letter;
    FILE *file = lstat(path, &st) == 0 && S_ISREG(st.st_mode) ? fopen(path, "r") : NULL;
    if (!file)
        return false;
    while (seen < sizeof start - 1 && (letter = fgetc(file), letter != EOF)) {
        if (letter == start[seen])
            seen++;
        else if (!strchr(" \t\r\n", letter))
            break;
    }
    fclose(file);
    return seen == sizeof start - 1;
}

/* A file or folder of a report's folder, or one below that, without the staging folder. */
struct entry {
    char *name; /* in the folder */
    bool folder, file;
};

struct entries {
    struct entry *all;
    size_t count;
};

static void entries_free(struct entries *entries)
{
    for (size_t i = 0; i < entries->count; i++)
        free(entries->all[i].name);
    free(entries->all);
    *entries = (struct entries){0};
}

static int add_entry(struct entries *entries, const FTSENT *found, size_t skip)
{
    struct entry *all = realloc(entries->all, (entries->count + 1) * sizeof *all);
    if (all)
        entries->all = all;
    char *name = all ? strdup(found->fts_path + skip) : NULL;
    if (name)
        all[entries->count++] = (struct entry){
            name, found->fts_info == FTS_D || found->fts_info == FTS_DNR, found->fts_info == FTS_F};
    return name ? 0 : -1;
}

static int list(struct entries *entries, const char *path, struct error *err)
{
    FTS *tree = walk(path, FTS_COMFOLLOW);
    FTSENT *found;
    int result = tree ? 0 : error_set(err, "out of memory");
    *entries = (struct entries){0};
    while (!result && (found = fts_read(tree), found)) {
        bool staging = found->fts_level == 1 && !strcmp(found->fts_name, STAGING + 1);
        if (found->fts_level == 0 && found->fts_info != FTS_D && found->fts_info != FTS_DP)
            result = error_set(err, "%s: cannot read: %s", path, strerror(found->fts_errno));
        if (staging || found->fts_level == 2)
            fts_set(tree, found, FTS_SKIP);
        if (found->fts_level > 0 && found->fts_info != FTS_DP && !staging && !result &&
            add_entry(entries, found, strlen(path) + 1))
            result = error_set(err, "out of memory");
    }
    if (tree)
        fts_close(tree);
    if (result)
        entries_free(entries);
    return result;
}

/* Is there something else where a file or folder of a report goes? */
static int check_places(const struct report_dir *dir, const struct entries *old, struct error *err)
{
    for (size_t i = 0; i < old->count; i++) {
        const struct entry *entry = &old->all[i];
        if (entry->folder && find_known(entry->name))
            return error_set(err, "%s/%s: expected a file or nothing, found a folder", dir->path,
                             entry->name);
        for (size_t k = 0; k < sizeof known / sizeof *known && !entry->folder; k++) {
            size_t length = strcspn(known[k].pattern, "/");
            if (known[k].pattern[length] && strlen(entry->name) == length &&
                !strncmp(known[k].pattern, entry->name, length))
                return error_set(err, "%s/%s: expected a folder or nothing, found a file",
                                 dir->path, entry->name);
        }
    }
    return 0;
}

static bool is_folder_of_ours(const char *name)
{
    size_t length = strlen(name);
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (!strncmp(known[i].pattern, name, length) && known[i].pattern[length] == '/')
            return true;
    return false;
}

/* Nothing but files that reports have, though no report.json, which comes last: a run was killed
 * while it put its first report in place. What could be somebody's config alone is not enough. */
static bool is_begun(const struct entries *old)
{
    bool telling = false;
    for (size_t i = 0; i < old->count; i++) {
        const struct entry *entry = &old->all[i];
        bool ours =
            entry->folder ? is_folder_of_ours(entry->name) : entry->file && find_known(entry->name);
        if (!ours || !strcmp(entry->name, "report.json"))
            return false;
        telling |= entry->folder || strcmp(entry->name, "config.json") != 0;
    }
    return telling;
}

static int check_contents(const struct report_dir *dir, const struct entries *old, bool whole,
                          bool force, struct error *err)
{
    if (dir->rebuild && !whole)
        return error_set(err, "%s: expected the folder of a report, found no report.json of ours",
                         dir->path);
    if (old->count && !whole && !is_begun(old))
        return error_set(err,
                         "%s: expected a new or empty folder, found files that are no report of "
                         "ours",
                         dir->path);
    if (old->count && !force)
        return error_set(err, "%s: expected a new or empty folder, found %s (--force replaces it)",
                         dir->path, whole ? "an older report" : "a part of a report");
    return check_places(dir, old, err);
}

static int check(const struct report_dir *dir, bool force, struct error *err)
{
    struct entries old;
    char *name = NULL;
    if (list(&old, dir->path, err))
        return -1;
    int result;
    if (asprintf(&name, "%s/report.json", dir->path) < 0) {
        name = NULL;
        result = error_set(err, "out of memory");
    } else {
        result = check_contents(dir, &old, is_report(name), force, err);
    }
    free(name);
    entries_free(&old);
    return result;
}

static struct report_dir *open_dir(const char *path, bool force, bool rebuild, struct error *err)
{
    size_t length = strlen(path);
    while (length > 1 && path[length - 1] == '/')
        length--;
    struct report_dir *dir = calloc(1, sizeof *dir);
    if (!dir || !(dir->path = strndup(path, length)) ||
        asprintf(&dir->staging, "%s" STAGING, dir->path) < 0) {
        error_set(err, "out of memory");
        if (dir)
            free(dir->path);
        free(dir);
        return NULL;
    }
    dir->rebuild = rebuild;
    dir->lock = -1;
    dir->was = existing(dir->path);
    if ((!rebuild && folder_make(dir->path, err)) || take(dir, err) || check(dir, force, err)) {
        report_dir_free(dir);
        return NULL;
    }
    return dir;
}

struct report_dir *report_dir_open(const char *path, bool force, struct error *err)
{
    return open_dir(path, force, false, err);
}

struct report_dir *report_dir_reopen(const char *path, struct error *err)
{
    return open_dir(path, true, true, err);
}

void report_dir_free(struct report_dir *dir)
{
    if (!dir)
        return;
    if (dir->lock >= 0) {
        clear(dir->staging, "");
        close(dir->lock);
    }
    unmake(dir->path, dir->was);
    free(dir->path);
    free(dir->staging);
    free(dir);
}

/* ---- Files --------------------------------------------------------------------------------- */

const char *report_dir_path(const struct report_dir *dir)
{
    return dir->path;
}

const char *report_dir_staging(const struct report_dir *dir)
{
    return dir->staging;
}

static FILE *create(const char *path, struct error *err)
{
    if (folder_make_for(path, err))
        return NULL;
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    FILE *file = fd >= 0 ? fdopen(fd, "w") : NULL;
    if (!file)
        error_set(err, "%s: cannot write: %s", path, strerror(errno));
    if (!file && fd >= 0)
        close(fd);
    return file;
}

FILE *report_dir_create(struct report_dir *dir, const char *name, struct error *err)
{
    const struct known *row = find_known(name);
    char *path = NULL;
    FILE *file = NULL;
    if (!row || (dir->rebuild && !row->derived))
        error_set(err, "%s: is no name of a file to be made in a report", name);
    else if (asprintf(&path, "%s/%s", dir->staging, name) < 0)
        error_set(err, "out of memory");
    else
        file = create(path, err);
    free(path);
    return file;
}

int report_dir_close(struct report_dir *dir, FILE *file, bool failed, struct error *err)
{
    errno = 0;
    bool written = fflush(file) == 0 && !ferror(file);
    int code = errno;
    if (fclose(file) && written) {
        written = false;
        code = errno;
    }
    if (!written && !failed)
        error_set(err, "%s: cannot write the report: %s", dir->path,
                  code ? strerror(code) : "not all of it was written");
    return written && !failed ? 0 : -1;
}

int report_dir_put(struct report_dir *dir, const char *name, const char *text, struct error *err)
{
    FILE *out = report_dir_create(dir, name, err);
    if (out)
        fputs(text, out);
    return out ? report_dir_close(dir, out, false, err) : -1;
}

/* NULL without an error: there is none, or something else. */
static FILE *open_older(const struct report_dir *dir, const char *name, struct error *err)
{
    char *path = NULL;
    struct stat st;
    if (asprintf(&path, "%s/%s", dir->path, name) < 0) {
        error_set(err, "out of memory");
        return NULL;
    }
    bool there = stat(path, &st) == 0 && S_ISREG(st.st_mode);
    FILE *in = there ? fopen(path, "r") : NULL;
    if (there && !in)
        error_set(err, "%s: cannot read: %s", path, strerror(errno));
    free(path);
    return in;
}

int report_dir_keep(struct report_dir *dir, const char *name, struct error *err)
{
    char buffer[4096];
    size_t length;
    struct error why = {""};
    FILE *in = dir->rebuild ? open_older(dir, name, &why) : NULL;
    if (!in)
        return why.text[0] ? error_set(err, "%s", why.text) : 0;
    FILE *out = report_dir_create(dir, name, err);
    while (out && (length = fread(buffer, 1, sizeof buffer, in)) > 0)
        fwrite(buffer, 1, length, out);
    bool failed = out && ferror(in);
    if (failed)
        error_set(err, "%s/%s: cannot read", dir->path, name);
    fclose(in);
    return out && report_dir_close(dir, out, failed, err) == 0 ? 1 : -1;
}

/* ---- Commit -------------------------------------------------------------------------------- */

static bool has(const struct entries *entries, const char *name)
{
    for (size_t i = 0; i < entries->count; i++)
        if (!strcmp(entries->all[i].name, name))
            return true;
    return false;
}

static int move(const struct report_dir *dir, const char *name, struct error *err)
{
    char *from = NULL, *to = NULL;
    int result = 0;
    if (asprintf(&from, "%s/%s", dir->staging, name) < 0 ||
        asprintf(&to, "%s/%s", dir->path, name) < 0)
        result = error_set(err, "out of memory");
    else if (folder_make_for(to, err))
        result = -1;
    else if (rename(from, to))
        result = error_set(err, "%s: cannot write: %s", to, strerror(errno));
    free(from);
    free(to);
    return result;
}

/* A picture that could not be drawn anew here is as good as it was. */
static bool is_kept(const struct report_dir *dir, const char *name, const struct entries *made)
{
    static const char *const makers[] = {"gp", "dot"};
    size_t length = strlen(name);
    char maker[64];
    if (!dir->rebuild || length < 4 || length >= sizeof maker || strcmp(name + length - 4, ".svg"))
        return false;
    for (size_t i = 0; i < sizeof makers / sizeof *makers; i++) {
        snprintf(maker, sizeof maker, "%.*s%s", (int)length - 3, name, makers[i]);
        if (has(made, maker))
            return true;
    }
    return false;
}

/* Of the older report, what the new one does not have. */
static void remove_stale(const struct report_dir *dir, const struct entries *old,
                         const struct entries *made)
{
    for (size_t i = 0; i < old->count; i++) {
        const struct entry *entry = &old->all[i];
        const struct known *row = entry->file ? find_known(entry->name) : NULL;
        char *name = NULL;
        if (!row || (dir->rebuild && !row->derived) || has(made, entry->name) ||
            is_kept(dir, entry->name, made) || asprintf(&name, "%s/%s", dir->path, entry->name) < 0)
            continue;
        unlink(name);
        free(name);
    }
}

int report_dir_commit(struct report_dir *dir, struct error *err)
{
    struct entries made = {0}, old = {0};
    int result =
        list(&made, dir->staging, err) || list(&old, dir->path, err) || check_places(dir, &old, err)
            ? -1
            : 0;
    bool whole = false;
    for (size_t i = 0; i < made.count && !result; i++) {
        const struct entry *entry = &made.all[i];
        if (!strcmp(entry->name, "report.json"))
            whole = true;
        else if (entry->file && strcmp(entry->name, LOCK + 1))
            result = move(dir, entry->name, err);
    }
    if (whole && !result)
        result = move(dir, "report.json", err);
    if (!result)
        remove_stale(dir, &old, &made);
    if (!result)
        dir->was = strlen(dir->path); /* it stays */
    entries_free(&made);
    entries_free(&old);
    return result;
}
