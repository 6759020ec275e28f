/* SPDX-License-Identifier: GPL-2.0-or-later */
#define _GNU_SOURCE /* asprintf() */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sim/campaign/campaign.h"
#include "sim/config_digest.h"
#include "sim/folder.h"
#include "sim/summary.h"

#define FOLDER    "out"
#define EXTENSION ".db"

/* out/NAME.KIND[.I-of-N][.NUMBER].db; malloc'ed, NULL when out of memory. */
static char *name_of(const char *kind, const struct options *options, const struct config *config,
                     unsigned number)
{
    char shard[40] = "", counter[16] = "", *path = NULL;
    const char *slash = strrchr(config->path, '/'), *name = slash ? slash + 1 : config->path;
    size_t length = strlen(name);
    if (length > 5 && !strcmp(name + length - 5, ".json"))
        length -= 5;
    if (options->shards > 1)
        snprintf(shard, sizeof shard, ".%u-of-%u", options->shard, options->shards);
    if (number > 1)
        snprintf(counter, sizeof counter, ".%u", number);
    if (asprintf(&path, FOLDER "/%.*s.%s%s%s" EXTENSION, (int)length, name, kind, shard, counter) <
        0)
        return NULL;
    return path;
}

/* What --db says, or else the next name that is free, or the last that is not, if the campaign is
 * to go on. malloc'ed. */
static char *choose_name(const char *kind, const struct options *options,
                         const struct config *config, struct error *err)
{
    char *path = options->db ? strdup(options->db) : name_of(kind, options, config, 1);
    char *last = NULL;
    for (unsigned number = 2; path && !options->db && access(path, F_OK) == 0; number++) {
        free(last);
        last = path;
        path = name_of(kind, options, config, number);
    }
    if (path && last && options->resume) {
        free(path);
        return last;
    }
    free(last);
    if (!path)
        error_set(err, "out of memory");
    return path;
}

static char *directory_of(const char *path)
{
    size_t length = strlen(path), extension = strlen(EXTENSION);
    bool has = length > extension && !strcmp(path + length - extension, EXTENSION) &&
               path[length - extension - 1] != '/';
    char *directory = NULL;
    if (asprintf(&directory, "%.*s%s", (int)(has ? length - extension : length), path,
                 has ? "" : ".files") < 0)
        return NULL;
    return directory;
}

/* Looks before and after: what the new file is called in another way is seen only then. */
static struct store *open_apart(const char *path, const struct options *options,
                                const struct store_identity *identity, struct error *err)
{
    const char *summary = options->summary;
    if (summary && summary_check_apart(summary, path, err))
        return NULL;
    struct store *store =
        store_open(path, options->resume ? STORE_RESUME : STORE_NEW, identity, err);
    if (!store || !summary || summary_check_apart(summary, path, err) == 0)
        return store;
    store_close(store, NULL);
    return NULL;
}

int campaign_open(struct campaign *campaign, const char *kind, const struct options *options,
                  const struct config *config, const char *parameters, struct error *err)
{
    *campaign = (struct campaign){.options = {.jobs = options->jobs, .quiet = options->quiet}};
    char *digest = config_digest(config, NULL, NULL, err);
    char *path = !digest ? NULL : choose_name(kind, options, config, err);
    const struct store_identity identity = {.kind = kind,
                                            .config = config->path,
                                            .digest = digest,
                                            .parameters = parameters,
                                            .shard = options->shard,
                                            .shards = options->shards};
    campaign->directory = path ? directory_of(path) : NULL;
    if (path && !campaign->directory)
        error_set(err, "out of memory");
    else if (path && folder_make_for(path, err) == 0)
        campaign->store = open_apart(path, options, &identity, err);
    free(digest);
    free(path);
    if (campaign->store)
        return 0;
    campaign_close(campaign, NULL);
    return -1;
}

int campaign_close(struct campaign *campaign, struct error *err)
{
    int result = store_close(campaign->store, err);
    free(campaign->directory);
    *campaign = (struct campaign){0};
    return result;
}

int campaign_interrupted(const struct campaign *campaign)
{
    fprintf(stderr,
            "iaso: interrupted; what is done is saved: go on with the same command and --db %s "
            "--resume\n",
            store_path(campaign->store));
    return EXIT_INTERRUPTED;
}
