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
#include "sim/text.h"

#define BUFFER (64 << 10)

struct digest {
    FILE *out;
    config_input_fn visit; /* NULL: none */
    void *opaque;
    struct error *err;
};

static void put_line(struct digest *digest, struct sha256_ctx *hash, const char *name,
                     char text[2 * SHA256_DIGEST_SIZE + 1])
{
    uint8_t bytes[SHA256_DIGEST_SIZE];
    sha256_digest(hash, sizeof bytes, bytes);
    text_hex(bytes, sizeof bytes, text);
    fprintf(digest->out, "%s  %s\n", text, name);
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

cJSON *config_as_run(const struct config *config)
{
    char limit[32];
    cJSON *root = cJSON_Parse(config->effective);
    snprintf(limit, sizeof limit, "%" PRIu64, config->run.max_insns);
    cJSON_DeleteItemFromObjectCaseSensitive(root, "report");
    cJSON *run = cJSON_GetObjectItemCaseSensitive(root, "run");
    if (root && !run)
        run = cJSON_AddObjectToObject(root, "run");
    cJSON_DeleteItemFromObjectCaseSensitive(run, "max_insns");
    if (run && cJSON_AddStringToObject(run, "max_insns", limit))
        return root;
    cJSON_Delete(root);
    return NULL;
}

static int add_config(struct digest *digest, cJSON *root)
{
    char text[2 * SHA256_DIGEST_SIZE + 1];
    sort(root);
    char *printed = cJSON_PrintUnformatted(root);
    if (!printed)
        return error_set(digest->err, "out of memory");
    struct sha256_ctx hash;
    sha256_init(&hash);
    sha256_update(&hash, strlen(printed), (const uint8_t *)printed);
    put_line(digest, &hash, "the config (or what --set makes of it)", text);
    free(printed);
    return 0;
}

/* ---- Files --------------------------------------------------------------------------------- */

static int add_file(struct digest *digest, const char *name)
{
    char text[2 * SHA256_DIGEST_SIZE + 1];
    struct config_input input = {.path = name, .sha256 = text};
    struct error *err = digest->err;
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
    while (result == 0 && file && (length = fread(buffer, 1, BUFFER, file), length > 0)) {
        sha256_update(&hash, length, buffer);
        input.size += length;
    }
    if (result == 0 && file && ferror(file))
        result = error_set(err, "%s: cannot read: %s", name, strerror(errno));
    if (result == 0)
        put_line(digest, &hash, name, text);
    if (result == 0 && digest->visit)
        digest->visit(digest->opaque, &input);
    if (file)
        fclose(file);
    free(buffer);
    return result;
}

/* Every file that a key of the schema names. */
static int add_files(struct digest *digest, const struct key *key, const cJSON *node)
{
    if (key->type == KEY_FILE && cJSON_IsString(node))
        return add_file(digest, node->valuestring);
    if (key->type != KEY_OBJECT && key->type != KEY_ARRAY && key->type != KEY_MAP)
        return 0;
    const cJSON *child;
    int result = 0;
    cJSON_ArrayForEach(child, node)
    {
        const struct key *below = schema_member(key, child->string ? child->string : "");
        if (result == 0 && below)
            result = add_files(digest, below, child);
    }
    return result;
}

char *config_digest(const struct config *config, config_input_fn visit, void *opaque,
                    struct error *err)
{
    char *text = NULL;
    size_t size;
    struct digest digest = {.visit = visit, .opaque = opaque, .err = err};
    cJSON *root = config_as_run(config);
    digest.out = root ? open_memstream(&text, &size) : NULL;
    int result = digest.out ? 0 : error_set(err, "out of memory");
    if (digest.out && (add_config(&digest, root) || add_files(&digest, schema_root(), root)))
        result = -1;
    if (digest.out && fclose(digest.out) && result == 0)
        result = error_set(err, "out of memory");
    cJSON_Delete(root);
    if (result == 0)
        return text;
    free(text);
    return NULL;
}
