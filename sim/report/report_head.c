/* SPDX-License-Identifier: GPL-2.0-or-later */
#define _GNU_SOURCE /* asprintf() */
#include "sim/report/report_head.h"

#include <capstone/capstone.h>
#include <nettle/sha2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unicorn/unicorn.h>

#include "sim/config_digest.h"
#include "sim/json.h"
#include "sim/text.h"

#define MAX_SIZE ((size_t)256 << 20) /* bytes of a report.json */

static void add_versions(cJSON *json)
{
    char text[40];
    unsigned version = uc_version(NULL, NULL);
    int major, minor;
    cJSON_AddStringToObject(json, "iaso", IASO_VERSION);
    snprintf(text, sizeof text, "Unicorn %u.%u.%u", version >> 24, version >> 16 & 0xff,
             version >> 8 & 0xff);
    cJSON_AddStringToObject(json, "engine", text);
    cs_version(&major, &minor);
    snprintf(text, sizeof text, "Capstone %d.%d", major, minor);
    cJSON_AddStringToObject(json, "disassembler", text);
}

static void add_input(void *opaque, const struct config_input *input)
{
    cJSON *json = cJSON_CreateObject();
    cJSON_AddStringToObject(json, "path", input->path);
    cJSON_AddNumberToObject(json, "size", (double)input->size);
    cJSON_AddStringToObject(json, "sha256", input->sha256);
    cJSON_AddItemToArray(opaque, json);
}

static int add_digest(cJSON *json, const struct config *config, struct error *err)
{
    uint8_t bytes[SHA256_DIGEST_SIZE];
    char hex[2 * SHA256_DIGEST_SIZE + 1];
    struct sha256_ctx hash;
    cJSON *inputs = cJSON_CreateArray();
    char *text = config_digest(config, add_input, inputs, err);
    if (!text) {
        cJSON_Delete(inputs);
        return -1;
    }
    sha256_init(&hash);
    sha256_update(&hash, strlen(text), (const uint8_t *)text);
    sha256_digest(&hash, sizeof bytes, bytes);
    text_hex(bytes, sizeof bytes, hex);
    cJSON_AddStringToObject(json, "digest", hex);
    cJSON_AddItemToObject(json, "inputs", inputs);
    free(text);
    return 0;
}

static int add_config(cJSON *json, const struct config *config, struct error *err)
{
    cJSON *configuration = config_as_run(config);
    cJSON_AddStringToObject(json, "config", config->path);
    int result = configuration ? add_digest(json, config, err) : error_set(err, "out of memory");
    cJSON_AddItemToObject(json, "configuration", configuration);
    return result;
}

cJSON *report_head(const char *kind, const struct options *options, const struct config *config,
                   struct error *err)
{
    char format[40];
    cJSON *json = cJSON_CreateObject();
    char *command = options_command(options);
    snprintf(format, sizeof format, REPORT_FORMAT "%d", REPORT_VERSION);
    cJSON_AddStringToObject(json, "format", format);
    cJSON_AddStringToObject(json, "kind", kind);
    add_versions(json);
    cJSON_AddArrayToObject(json, "answer");
    cJSON_AddStringToObject(json, "command", command ? command : "");
    int result = json && command ? 0 : error_set(err, "out of memory");
    if (!result && config)
        result = add_config(json, config, err);
    free(command);
    if (result == 0)
        return json;
    cJSON_Delete(json);
    return NULL;
}

/* ---- Reading ------------------------------------------------------------------------------- */

static int check_version(const cJSON *json, const char *name, struct error *err)
{
    const char *format = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(json, "format"));
    bool ours = format && !strncmp(format, REPORT_FORMAT, strlen(REPORT_FORMAT));
    const char *digits = ours ? format + strlen(REPORT_FORMAT) : "";
    size_t length = strspn(digits, "0123456789");
    long version = strtol(digits, NULL, 10);
    if (length == 0 || digits[length])
        return error_set(err, "%s: expected \"format\": \"" REPORT_FORMAT "%d\", found none", name,
                         REPORT_VERSION);
    if (version > REPORT_VERSION)
        return error_set(err, "%s: made by a newer Iaso: report %ld, this one reads up to %d", name,
                         version, REPORT_VERSION);
    if (version < REPORT_VERSION)
        return error_set(err,
                         "%s: made by an older Iaso: report %ld, this one reads %d: make it anew "
                         "with `iaso run CONFIG --report DIR --force`",
                         name, version, REPORT_VERSION);
    return 0;
}

/* What every report has, and what each kind has besides. */
static int check_keys(const cJSON *json, const char *name, struct error *err)
{
    static const struct {
        const char *kind, *key, * or ; /* one of the two keys */
    } kinds[] = {{"run", "end", NULL},
                 {"inject", "end", "campaign"},
                 {"sweep", "sweep", NULL},
                 {"comparison", "reports", NULL}};
    const char *kind = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(json, "kind"));
    char quoted[80];
    if (!kind)
        return error_set(err, "%s: expected the key \"kind\", found none", name);
    if (!cJSON_IsString(cJSON_GetObjectItemCaseSensitive(json, "iaso")))
        return error_set(err, "%s: expected the key \"iaso\", found none", name);
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        if (strcmp(kind, kinds[i].kind))
            continue;
        if (cJSON_HasObjectItem(json, kinds[i].key) ||
            (kinds[i].or &&cJSON_HasObjectItem(json, kinds[i].or)))
            return 0;
        return error_set(err, "%s: expected the key \"%s\"%s%s%s as its kind is %s, found none",
                         name, kinds[i].key, kinds[i].or ? " or \"" : "",
                         kinds[i].or ? kinds[i].or : "", kinds[i].or ? "\"" : "", kind);
    }
    return error_set(err, "%s: kind: expected run, inject, sweep or comparison, found %s", name,
                     text_quote(kind, quoted, sizeof quoted));
}

cJSON *report_load(const char *dir, struct error *err)
{
    char *name = NULL;
    cJSON *json = NULL;
    if (asprintf(&name, "%s/report.json", dir) < 0) {
        error_set(err, "out of memory");
        return NULL;
    }
    json = json_parse_large_file(name, MAX_SIZE, err);
    if (json && (check_version(json, name, err) || check_keys(json, name, err))) {
        cJSON_Delete(json);
        json = NULL;
    }
    free(name);
    return json;
}
