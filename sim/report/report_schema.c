/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "sim/report/report_schema.h"

#include "sim/embed.h"

EMBED("sim/report/report.schema.json", schema_of_reports);

const char *report_schema(void)
{
    return schema_of_reports;
}
