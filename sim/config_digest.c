/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "sim/config_digest.h"

#include <cjson/cJSON.h>
#include <errno.h>
#include <inttypes.h>
#include <nettle/sha2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/boot.h"
#include "sim/schema.h"

#define BUFFER (64 << 10)

static void put_line(FILE *out, struct sha256_ctx *hash, const char *name)
{
    uint8_t digest[SHA256_DIGEST_SIZE];
    sha256_digest(hash, sizeof digest, digest);
    for (size_t i = 0; i < sizeof digest; i++)
        fprintf(out, "%02x", digest[i]);
    fprintf(out, "  %s\n", name);
}

/* ---- The config ---------------------------------------------------------------------------- */

/* Moves the members into the order of their names, at all levels. */
static void sort(cJSON *node)
{
    cJSON *child, *sorted = NULL, *last = NULL;
    for (child = node->child; child; child = child->next)
        sort(child);
    while (cJSON_IsObject(node) && node->child) {
        cJSON *least = node->child;
        cJSON_ArrayForEach(child, node)
        {
            if (strcmp(child->string, least->string) < 0)
                least = child;
        }
        cJSON_DetachItemViaPointer(node, least);
        least->prev = last;
        if (last)
            last->next = least;
        else
            sorted = least;
        last = least;
    }
    if (sorted) {
        sorted->prev = last; /* as cJSON keeps it */
        node->child = sorted;
    }
}

/* What does not change the run is taken out, and --max-insns put in. */
static int add_config(FILE *out, const struct config *config, cJSON *root, struct error *err)
{
    char limit[32];
    snprintf(limit, sizeof limit, "%" PRIu64, config->run.max_insns);
    cJSON_DeleteItemFromObjectCaseSensitive(root, "report");
    cJSON *run = cJSON_GetObjectItemCaseSensitive(root, "run");
    if (!run)
        run = cJSON_AddObjectToObject(root, "run");
    cJSON_DeleteItemFromObjectCaseSensitive(run, "max_insns");
    cJSON_AddStringToObject(run, "max_insns", limit);
    sort(root);
    char *text = cJSON_PrintUnformatted(root);
    if (!text)
        return error_set(err, "out of memory");
    struct sha256_ctx hash;
    sha256_init(&hash);
    sha256_update(&hash, strlen(text), (const uint8_t *)text);
    put_line(out, &hash, "the config (or what --set makes of it)");
    free(text);
    return 0;
}

/* ---- Files --------------------------------------------------------------------------------- */

static int add_file(FILE *out, const char *name, struct error *err)
{
    const char *path = boot_firmware_file(name);
    FILE *file = path ? fopen(path, "rb") : NULL;
    uint8_t *buffer = malloc(BUFFER);
    struct sha256_ctx hash;
    size_t length;
    int result = 0;
    sha256_init(&hash);
    if (!buffer)
        result = error_set(err, "out of memory");
    else if (!file && path && errno != ENOENT) /* what is not there yet is as good as empty */
        result = error_set(err, "%s: cannot read: %s", name, strerror(errno));
    while (result == 0 && file && (length = fread(buffer, 1, BUFFER, file), length > 0))
        sha256_update(&hash, length, buffer);
    if (result == 0 && file && ferror(file))
        result = error_set(err, "%s: cannot read: %s", name, strerror(errno));
    if (result == 0)
        put_line(out, &hash, name);
    if (file)
        fclose(file);
    free(buffer);
    return result;
}

/* Every file that a key of the schema names. */
static int add_files(FILE *out, const struct key *key, const cJSON *node, struct error *err)
{
    if (key->type == KEY_FILE && cJSON_IsString(node))
        return add_file(out, node->valuestring, err);
    if (key->type != KEY_OBJECT && key->type != KEY_ARRAY && key->type != KEY_MAP)
        return 0;
    const cJSON *child;
    int result = 0;
    cJSON_ArrayForEach(child, node)
    {
        const struct key *below = schema_member(key, child->string ? child->string : "");
        if (result == 0 && below)
            result = add_files(out, below, child, err);
    }
    return result;
}

char *config_digest(const struct config *config, struct error *err)
{
    char *text = NULL;
    size_t size;
    cJSON *root = cJSON_Parse(config->effective);
    FILE *out = root ? open_memstream(&text, &size) : NULL;
    int result = out ? 0 : error_set(err, "out of memory");
    if (out && (add_config(out, config, root, err) || add_files(out, schema_root(), root, err)))
        result = -1;
    if (out && fclose(out) && result == 0)
        result = error_set(err, "out of memory");
    cJSON_Delete(root);
    if (result == 0)
        return text;
    free(text);
    return NULL;
}
