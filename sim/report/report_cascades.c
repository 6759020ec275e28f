/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "sim/report/report_cascades.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "sim/program.h"
#include "sim/report/report_read.h"
#include "sim/text.h"

#define MAX_FAILURES 4
#define MAX_NODES    60 /* of all failures */
#define MAX_EDGES    300
#define MAX_LABEL    40 /* bytes of a name */

/* One domain of a failure. */
struct node {
    const cJSON *json;
    double id;
    bool chosen;
};

struct graph {
    const cJSON *failure;
    size_t number; /* in the report, from 1 */
    struct node *nodes;
    size_t count, chosen;
};

static const cJSON *failures_of(const cJSON *report)
{
    return report_at(report, "recovery.failures");
}

static double size_of(const cJSON *failure)
{
    return (double)report_count(failure, "domains") +
           report_number_or(failure, "domains_left_out", 0);
}

/* Whether domains were undone for it. */
static bool is_rollback(const cJSON *failure)
{
    const char *outcome = report_string(failure, "outcome");
    return outcome && strcmp(outcome, "refused") && report_count(failure, "domains");
}

bool report_cascades_apply(const cJSON *report)
{
    const cJSON *failure;
    cJSON_ArrayForEach(failure, failures_of(report))
    {
        if (is_rollback(failure))
            return true;
    }
    return false;
}

/* ---- What is drawn ------------------------------------------------------------------------- */

/* The largest failures, the first of equal ones; in the order of the report. Returns how many. */
static size_t choose_failures(const cJSON *report, struct graph chosen[MAX_FAILURES])
{
    size_t count = 0, number = 0;
    const cJSON *failure;
    cJSON_ArrayForEach(failure, failures_of(report))
    {
        number++;
        if (!is_rollback(failure))
            continue;
        if (count == MAX_FAILURES) {
            size_t least = 0;
            for (size_t i = 1; i < count; i++)
                if (size_of(chosen[i].failure) <= size_of(chosen[least].failure))
                    least = i;
            if (size_of(failure) <= size_of(chosen[least].failure))
                continue;
            count--;
            memmove(chosen + least, chosen + least + 1, (count - least) * sizeof *chosen);
        }
        chosen[count++] = (struct graph){.failure = failure, .number = number};
    }
    return count;
}

static int by_id(const void *a, const void *b)
{
    double x = ((const struct node *)a)->id, y = ((const struct node *)b)->id;
    return (x > y) - (x < y);
}

static struct node *find_node(const struct graph *graph, double id)
{
    const struct node key = {.id = id};
    return bsearch(&key, graph->nodes, graph->count, sizeof key, by_id);
}

/* The two domains of an edge [a, b]: a depends on b. False if there are none. */
static bool find_edge(const struct graph *graph, const cJSON *edge, struct node **a,
                      struct node **b)
{
    const cJSON *first = cJSON_GetArrayItem(edge, 0), *second = cJSON_GetArrayItem(edge, 1);
    if (!cJSON_IsNumber(first) || !cJSON_IsNumber(second))
        return false;
    *a = find_node(graph, first->valuedouble);
    *b = find_node(graph, second->valuedouble);
    return *a && *b;
}

static bool choose(struct graph *graph, struct node *node, size_t limit)
{
    if (node->chosen || graph->chosen == limit)
        return false;
    node->chosen = true;
    graph->chosen++;
    return true;
}

/* The failed domain, those that depend on what is chosen, then the oldest. */
static void choose_nodes(struct graph *graph, size_t limit)
{
    const cJSON *edges = report_at(graph->failure, "edges"), *edge;
    for (size_t i = 0; i < graph->count; i++) {
        const char *role = report_string(graph->nodes[i].json, "role");
        if (role && !strcmp(role, "failed"))
            choose(graph, &graph->nodes[i], limit);
    }
    for (bool more = true; more && graph->chosen < limit;) {
        more = false;
        cJSON_ArrayForEach(edge, edges)
        {
            struct node *a, *b;
            if (find_edge(graph, edge, &a, &b) && b->chosen)
                more |= choose(graph, a, limit);
        }
    }
    for (size_t i = 0; i < graph->count; i++)
        choose(graph, &graph->nodes[i], limit);
}

static bool load(struct graph *graph, size_t limit)
{
    const cJSON *domains = report_at(graph->failure, "domains"), *domain;
    graph->nodes = calloc(report_count(domains, ""), sizeof *graph->nodes);
    if (!graph->nodes)
        return false;
    cJSON_ArrayForEach(domain, domains)
    {
        graph->nodes[graph->count++] =
            (struct node){.json = domain, .id = report_number_or(domain, "id", 0)};
    }
    qsort(graph->nodes, graph->count, sizeof *graph->nodes, by_id);
    choose_nodes(graph, limit);
    return true;
}

/* ---- DOT ----------------------------------------------------------------------------------- */

/* Within a quoted string. */
static void write_label(FILE *out, const char *text)
{
    size_t left = strlen(text), done = 0;
    while (left) {
        size_t valid = text_utf8(text, left), length = valid ? valid : 1;
        if (done + length > MAX_LABEL) {
            fputs("...", out);
            return;
        }
        unsigned char first = (unsigned char)*text;
        if (!valid || first < ' ' || first == 0x7f)
            fputc('?', out);
        else if (first == '&')
            fputs("&amp;", out);
        else if (first == '"' || first == '\\')
            fprintf(out, "\\%c", first);
        else
            fwrite(text, 1, length, out);
        text += length;
        left -= length;
        done += length;
    }
}

static const char *fill_of(const cJSON *domain)
{
    const char *role = report_string(domain, "role");
    if (role && !strcmp(role, "failed"))
        return "#f2a6a0";
    return cJSON_IsTrue(report_at(domain, "innocent")) ? "#f7e2a8" : "#f5cfc2";
}

static void write_node(const struct graph *graph, const struct node *node, FILE *out)
{
    const char *name = report_string(node->json, "name"),
               *request = report_string(node->json, "request");
    const char *task = report_string(node->json, "task"),
               *thread = report_string(node->json, "thread");
    fprintf(out, "    \"f%zu_%.0f\" [fillcolor=\"%s\", label=\"", graph->number, node->id,
            fill_of(node->json));
    write_label(out, name ? name : request ? request : "request");
    if (!name)
        fprintf(out, " %.0f", report_number_or(node->json, "number", 0));
    fputs("\\n", out);
    write_label(out, task ? task : thread ? thread : "");
    fprintf(out, "\\n#%.0f\"];\n", node->id);
}

static void write_edges(const struct graph *graph, FILE *out)
{
    const cJSON *edge;
    size_t count = 0;
    cJSON_ArrayForEach(edge, report_at(graph->failure, "edges"))
    {
        struct node *a, *b;
        if (!find_edge(graph, edge, &a, &b) || !a->chosen || !b->chosen || count == MAX_EDGES)
            continue;
        fprintf(out, "    \"f%zu_%.0f\" -> \"f%zu_%.0f\";\n", graph->number, b->id, graph->number,
                a->id);
        count++;
    }
}

static void write_graph(const struct graph *graph, FILE *out)
{
    const char *what = report_string(graph->failure, "failure");
    const char *outcome = report_string(graph->failure, "outcome");
    double total = size_of(graph->failure);
    fprintf(out, "  subgraph cluster_%zu {\n    label=\"failure %zu: ", graph->number,
            graph->number);
    write_label(out, what ? what : "unknown");
    fprintf(out, ", %.6f s, ", report_number_or(graph->failure, "time_ns", 0) * 1e-9);
    write_label(out, outcome ? outcome : "");
    fprintf(out, ", %.0f domain%s\";\n", total, total == 1 ? "" : "s");
    for (size_t i = 0; i < graph->count; i++)
        if (graph->nodes[i].chosen)
            write_node(graph, &graph->nodes[i], out);
    if (total > (double)graph->chosen)
        fprintf(out,
                "    \"f%zu_more\" [fillcolor=\"#e0e0e0\", style=\"rounded,filled,dashed\", "
                "label=\"%.0f more\"];\n",
                graph->number, total - (double)graph->chosen);
    write_edges(graph, out);
    fputs("  }\n", out);
}

void report_cascades_write(const cJSON *report, FILE *out)
{
    struct graph graphs[MAX_FAILURES];
    size_t count = choose_failures(report, graphs);
    fputs(
        "// What was undone with each failed request (red): arrows lead to those that depended on\n"
        "// it. Draw it with: dot -Tsvg -o cascades.svg cascades.dot\n"
        "digraph cascades {\n"
        "  graph [rankdir=LR, bgcolor=\"transparent\", color=\"#808080\", fontcolor=\"#808080\",\n"
        "         fontname=\"sans-serif\", fontsize=12, style=rounded];\n"
        "  node [shape=box, style=\"rounded,filled\", color=\"#606060\", fontcolor=\"#202020\",\n"
        "        fontname=\"sans-serif\", fontsize=10, margin=\"0.08,0.04\"];\n"
        "  edge [color=\"#808080\", arrowsize=0.6];\n",
        out);
    for (size_t i = 0; i < count; i++) {
        if (load(&graphs[i], MAX_NODES / count))
            write_graph(&graphs[i], out);
        free(graphs[i].nodes);
    }
    fputs("}\n", out);
}

int report_cascades_draw(const char *folder, struct error *err)
{
    char name[] = "dot", format[] = "-Tsvg", to[] = "-o", svg[] = "cascades.svg";
    char dot[] = "cascades.dot";
    char *const arguments[] = {name, format, to, svg, dot, NULL};
    return program_run(folder, arguments, "graphviz", dot, PROGRAM_SECONDS, err);
}
