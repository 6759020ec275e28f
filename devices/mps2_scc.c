/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "devices/mps2_scc.h"

#include <string.h>

#define CFG0        0x000
#define CFG1        0x004
#define CFG4        0x010
#define CFGDATA_RTN 0x0a0
#define CFGDATA_OUT 0x0a4
#define CFGCTRL     0x0a8
#define CFGSTAT     0x0ac
#define DLL         0x100
#define AID         0xff8
#define ID          0xffc

#define CTRL_START      0x80000000
#define CTRL_WRITE      0x40000000
#define CTRL_MASK       0x43f00fff /* write, function, device */
#define CTRL_OSCILLATOR 0x00100000 /* function 1 */
#define CTRL_FUNCTION   0x03f00000
#define CTRL_DEVICE     0x00000fff

#define STAT_DONE  1
#define STAT_ERROR 2

#define DLL_MASK   0xff000000
#define DLL_LOCKED 0x00ff0001

#define REVISION 2
#define AID_MPS2 0x00200008

static const uint32_t oscillators_hz[] = {50000000, 24576000, 25000000};
#define OSCILLATORS (sizeof oscillators_hz / sizeof oscillators_hz[0])

struct scc {
    struct device device;
    uint32_t id;
    struct {
        uint32_t cfg0, cfg1, data_in, data_out, ctrl, stat, dll;
        uint32_t oscillators[OSCILLATORS];
    } state;
};

static uint64_t scc_read(void *opaque, uint64_t offset, unsigned size)
{
    const struct scc *scc = opaque;
    (void)size;
    switch (offset) {
    case CFG0:
        return scc->state.cfg0;
    case CFG1:
        return scc->state.cfg1;
    case CFG4:
        return REVISION;
    case CFGDATA_RTN:
        return scc->state.data_in;
    case CFGDATA_OUT:
        return scc->state.data_out;
    case CFGCTRL:
        return scc->state.ctrl;
    case CFGSTAT:
        return scc->state.stat;
    case DLL:
        return scc->state.dll | DLL_LOCKED;
    case AID:
        return AID_MPS2;
    case ID:
        return scc->id;
    default:
        return 0;
    }
}

static void control(struct scc *scc, uint32_t value)
{
    uint32_t device = value & CTRL_DEVICE;
    scc->state.ctrl = value & CTRL_MASK;
    scc->state.stat = 0;
    if (!(value & CTRL_START))
        return;
    scc->state.stat = STAT_DONE;
    if ((value & CTRL_FUNCTION) != CTRL_OSCILLATOR || device >= OSCILLATORS)
        scc->state.stat |= STAT_ERROR;
    else if (value & CTRL_WRITE)
        scc->state.oscillators[device] = scc->state.data_out;
    else
        scc->state.data_in = scc->state.oscillators[device];
}

static void scc_write(void *opaque, uint64_t offset, unsigned size, uint64_t wide)
{
    struct scc *scc = opaque;
    uint32_t value = (uint32_t)wide;
    (void)size;
    switch (offset) {
    case CFG0:
        scc->state.cfg0 = value;
        break;
    case CFG1:
        scc->state.cfg1 = value;
        break;
    case CFGDATA_OUT:
        scc->state.data_out = value;
        break;
    case CFGCTRL:
        control(scc, value);
        break;
    case DLL:
        scc->state.dll = value & DLL_MASK;
        break;
    }
}

static void scc_reset(void *device)
{
    struct scc *scc = device;
    scc->state.ctrl = CTRL_OSCILLATOR;
    scc->state.dll = DLL_MASK;
    memcpy(scc->state.oscillators, oscillators_hz, sizeof oscillators_hz);
}

static const struct device_ops scc_ops = {
    .name = "mps2-scc",
    .mmio = {scc_read, scc_write},
    .reset = scc_reset,
};

struct device *mps2_scc_new(uint32_t id)
{
    struct scc *scc =
        device_new(sizeof *scc, &scc_ops, offsetof(struct scc, state), sizeof scc->state);
    if (!scc)
        return NULL;
    scc->id = id;
    return &scc->device;
}
