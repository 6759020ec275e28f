/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef IASO_SIM_REPORT_SCHEMA_H
#define IASO_SIM_REPORT_SCHEMA_H

/* The JSON Schema of report.json: sim/report/report.schema.json. */
const char *report_schema(void);

#endif
