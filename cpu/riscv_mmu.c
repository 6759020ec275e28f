/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cpu/riscv_mmu.h"

#include <string.h>

#include "cpu/riscv.h"
#include "cpu/riscv_csr.h"

#define PTE_V         (UINT64_C(1) << 0)
#define PTE_R         (UINT64_C(1) << 1)
#define PTE_W         (UINT64_C(1) << 2)
#define PTE_X         (UINT64_C(1) << 3)
#define PTE_U         (UINT64_C(1) << 4)
#define PTE_A         (UINT64_C(1) << 6)
#define PTE_D         (UINT64_C(1) << 7)
#define PTE_PPN_SHIFT 10
#define PTE_PPN       ((UINT64_C(1) << 44) - 1)
#define PTE_HIGH      (UINT64_C(0x3ff) << 54) /* reserved: there is no Svpbmt, no Svnapot */

#define PAGE_SHIFT 12
#define VPN_BITS   9

/* What the leaf allows at this level, dirty or not. */
static struct riscv_mapping leaf_permissions(const struct riscv_mmu *mmu, uint64_t pte)
{
    bool user_page = pte & PTE_U;
    bool data = mmu->level == RISCV_USER ? user_page : !user_page || (mmu->mstatus & MSTATUS_SUM);
    bool code = mmu->level == RISCV_USER ? user_page : !user_page;
    return (struct riscv_mapping){
        .read = data && ((pte & PTE_R) || ((pte & PTE_X) && (mmu->mstatus & MSTATUS_MXR))),
        .write = data && (pte & PTE_W),
        .fetch = code && (pte & PTE_X),
    };
}

static bool allowed(const struct riscv_mapping *mapping, enum access_kind kind)
{
    return kind == ACCESS_READ    ? mapping->read
           : kind == ACCESS_WRITE ? mapping->write
                                  : mapping->fetch;
}

enum riscv_walk riscv_mmu_walk(struct memory *mem, const struct riscv_mmu *mmu, uint64_t gva,
                               enum access_kind kind, bool update, struct riscv_mapping *mapping)
{
    unsigned mode = (unsigned)(mmu->satp >> SATP_MODE_SHIFT);
    if (mmu->level == RISCV_MACHINE || mode == 0) {
        *mapping = (struct riscv_mapping){.gpa = gva, .read = true, .write = true, .fetch = true};
        return WALK_OK;
    }
    if (mode < 8 || mode > 10)
        return WALK_PAGE_FAULT; /* reserved */
    unsigned levels = mode - 5; /* 8, 9, 10: Sv39, Sv48, Sv57 */
    unsigned shift = PAGE_SHIFT + VPN_BITS * levels;
    int64_t upper = (int64_t)gva >> (shift - 1);
    if (upper != 0 && upper != -1)
        return WALK_PAGE_FAULT;
    uint64_t table = (mmu->satp & SATP_PPN) << PAGE_SHIFT;
    while (shift > PAGE_SHIFT) {
        shift -= VPN_BITS;
        uint64_t slot = table + ((gva >> shift) & ((1u << VPN_BITS) - 1)) * sizeof(uint64_t);
        const uint8_t *host = memory_host(mem, slot, sizeof(uint64_t));
        if (!host)
            return WALK_ACCESS_FAULT;
        uint64_t pte;
        memcpy(&pte, host, sizeof pte);
        if (!(pte & PTE_V) || (pte & PTE_HIGH) || (pte & (PTE_R | PTE_W)) == PTE_W)
            return WALK_PAGE_FAULT;
        uint64_t target = ((pte >> PTE_PPN_SHIFT) & PTE_PPN) << PAGE_SHIFT;
        if (!(pte & (PTE_R | PTE_X))) {
            if (pte & (PTE_A | PTE_D | PTE_U))
                return WALK_PAGE_FAULT;
            table = target;
            continue;
        }
        uint64_t inside = (UINT64_C(1) << shift) - 1;
        *mapping = leaf_permissions(mmu, pte);
        if (!allowed(mapping, kind) || (target & inside))
            return WALK_PAGE_FAULT;
        uint64_t marked = pte | PTE_A | (kind == ACCESS_WRITE ? PTE_D : 0);
        if (marked != pte && update && memory_write(mem, slot, &marked, sizeof marked))
            return WALK_ACCESS_FAULT;
        mapping->gpa = target | (gva & inside);
        mapping->write = mapping->write && (marked & PTE_D);
        return WALK_OK;
    }
    return WALK_PAGE_FAULT;
}
