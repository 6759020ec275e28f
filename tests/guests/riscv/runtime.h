/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Runtime of the bare-metal test guests: start-up, traps, output, checks.
 *
 * A guest defines guest_main(), which runs on hart 0 in M-mode with interrupts off, and calls
 * guest_done() or returns. Code in any mode runs through call_mode(), which comes back with the
 * trap that ended it. Other harts sleep until start_harts().
 */
#ifndef GUEST_RUNTIME_H
#define GUEST_RUNTIME_H

/* Known to the assembler, too. Offsets in struct hart. */
#define HART_FRAME  0    /* x0..x31, epc, cause, tval, status */
#define HART_SP     288  /* stack of the trap handler */
#define HART_VECTOR 296  /* entry of the vector table that the last trap used */
#define HART_SAVED  304  /* ra, sp, gp, tp, s0..s11 of the caller of call_mode() */
#define HART_SIZE   1024 /* of struct hart */
#define STACK_SIZE  16384
#define MAX_HARTS   8

#ifndef __ASSEMBLER__

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define UART_BASE     0x10000000UL
#define FINISHER_BASE 0x100000UL
#define RTC_BASE      0x101000UL
#define CLINT_BASE    0x2000000UL
#define PLIC_BASE     0xc000000UL
#define VIRTIO_BASE   0x10001000UL
#define RAM_BASE      0x80000000UL
#define UNMAPPED      0x8000000UL /* nothing is there on the virt board */
#define PAGE_SIZE     4096UL

#define UART_IRQ   10
#define RTC_IRQ    11
#define VIRTIO_IRQ 1 /* of the first of 8 slots */

#define CLINT_MSIP(hart)     (CLINT_BASE + 4UL * (hart))
#define CLINT_MTIMECMP(hart) (CLINT_BASE + 0x4000 + 8UL * (hart))
#define CLINT_MTIME          (CLINT_BASE + 0xbff8)

enum mode {
    MODE_U = 0,
    MODE_S = 1,
    MODE_M = 3
};

enum cause {
    CAUSE_FETCH_MISALIGNED = 0,
    CAUSE_FETCH_ACCESS = 1,
    CAUSE_ILLEGAL = 2,
    CAUSE_BREAKPOINT = 3,
    CAUSE_LOAD_MISALIGNED = 4,
    CAUSE_LOAD_ACCESS = 5,
    CAUSE_STORE_MISALIGNED = 6,
    CAUSE_STORE_ACCESS = 7,
    CAUSE_ECALL_U = 8,
    CAUSE_ECALL_S = 9,
    CAUSE_ECALL_M = 11,
    CAUSE_FETCH_PAGE = 12,
    CAUSE_LOAD_PAGE = 13,
    CAUSE_STORE_PAGE = 15,
};

#define IRQ_SSI    1
#define IRQ_MSI    3
#define IRQ_STI    5
#define IRQ_MTI    7
#define IRQ_SEI    9
#define IRQ_MEI    11
#define INTERRUPT  (1UL << 63) /* in xcause */
#define BIT(n)     (1UL << (n))
#define CAUSE_NONE (~0UL) /* call_mode(): the function returned */
#define TVAL_ANY   0xa5a5a5a5a5a5a5a5UL

#define STATUS_SIE  BIT(1)
#define STATUS_MIE  BIT(3)
#define STATUS_SPIE BIT(5)
#define STATUS_MPIE BIT(7)
#define STATUS_SPP  BIT(8)
#define STATUS_MPP  (3UL << 11)
#define STATUS_FS   (3UL << 13)
#define STATUS_MPRV BIT(17)
#define STATUS_SUM  BIT(18)
#define STATUS_MXR  BIT(19)
#define STATUS_TVM  BIT(20)
#define STATUS_TW   BIT(21)
#define STATUS_TSR  BIT(22)

#define csr_read(csr)                                                      \
    ({                                                                     \
        uint64_t csr_value;                                                \
        __asm__ volatile("csrr %0, " #csr : "=r"(csr_value) : : "memory"); \
        csr_value;                                                         \
    })
#define csr_write(csr, value) \
    __asm__ volatile("csrw " #csr ", %0" : : "rK"((uint64_t)(value)) : "memory")
#define csr_set(csr, value) \
    __asm__ volatile("csrs " #csr ", %0" : : "rK"((uint64_t)(value)) : "memory")
#define csr_clear(csr, value) \
    __asm__ volatile("csrc " #csr ", %0" : : "rK"((uint64_t)(value)) : "memory")

static inline uint32_t read32(uintptr_t address)
{
    return *(volatile uint32_t *)address;
}

static inline void write32(uintptr_t address, uint32_t value)
{
    *(volatile uint32_t *)address = value;
}

static inline uint64_t read64(uintptr_t address)
{
    return *(volatile uint64_t *)address;
}

static inline void write64(uintptr_t address, uint64_t value)
{
    *(volatile uint64_t *)address = value;
}

static inline uint8_t read8(uintptr_t address)
{
    return *(volatile uint8_t *)address;
}

static inline void write8(uintptr_t address, uint8_t value)
{
    *(volatile uint8_t *)address = value;
}

static inline void fence(void)
{
    __asm__ volatile("fence rw, rw" : : : "memory");
}

static inline void fence_i(void)
{
    __asm__ volatile("fence.i" : : : "memory");
}

static inline void sfence_vma(void)
{
    __asm__ volatile("sfence.vma" : : : "memory");
}

static inline void wfi(void)
{
    __asm__ volatile("wfi" : : : "memory");
}

/* With MIE on before and after: sleeps until an interrupt has made the condition true. */
#define sleep_until(condition)              \
    do {                                    \
        csr_clear(mstatus, STATUS_MIE);     \
        while (!(condition)) {              \
            wfi();                          \
            csr_set(mstatus, STATUS_MIE);   \
            csr_clear(mstatus, STATUS_MIE); \
        }                                   \
        csr_set(mstatus, STATUS_MIE);       \
    } while (0)

struct frame {
    uint64_t x[32];
    uint64_t epc, cause, tval, status;
};

/*
 * One hart; mscratch points at it. `hook`, if set, sees each trap into M-mode first: it may change
 * the frame and returns true to resume at frame.epc, false to leave the trap to call_mode().
 */
struct hart {
    struct frame frame;
    uint64_t sp;
    uint64_t vector;
    uint64_t saved[16];
    bool (*hook)(struct hart *hart);
    bool calling;
    uint64_t return_pc;
    uint64_t caller_status;
    uint64_t id;
    volatile uint64_t data[8]; /* for hooks */
};

struct call {
    enum mode mode;
    uintptr_t pc;
    uint64_t args[6];
    uintptr_t sp;        /* 0: a stack of the runtime's */
    uintptr_t return_pc; /* virtual address of call_return; 0: where it is linked */
    uint64_t set_status; /* bits of mstatus to set on the way in */
};

/* How a call ended. `by_s`: the trap went to S-mode, the values are those of its CSRs. */
struct result {
    uint64_t cause; /* CAUSE_NONE: it returned value */
    uint64_t epc, tval;
    uint64_t status; /* mstatus after trap entry, or sstatus if by_s */
    uint64_t value;
    uint64_t vector; /* entry of the vector table that was used */
    bool by_s;
};

struct result call_run(const struct call *call);
struct result call_mode(enum mode mode, const void *function, uint64_t a0, uint64_t a1,
                        uint64_t a2);
struct hart *this_hart(void);

/* mtvec in direct mode. The tables use vectored mode; the stvec ones report to M-mode by ECALL. */
extern char m_trap[], m_vectors[], s_trap[], s_vectors[], call_return[];
/* Like call_return, but sleeps first. */
extern char call_wfi_return[];

void start_harts(void (*function)(struct hart *hart));
extern struct hart harts[MAX_HARTS];
extern uintptr_t guest_dtb;

unsigned dtb_count_harts(void);
void dtb_memory(uint64_t *base, uint64_t *size);

void put_char(char c);
void put_string(const char *s);
void put_hex(uint64_t value);
void put_decimal(uint64_t value);
void put_line(const char *s);

/* Prints PASS or FAIL with the group's name before `name`. */
void set_group(const char *group);
void check(const char *name, bool ok);
void check_equal(const char *name, uint64_t got, uint64_t want);
/* tval may be TVAL_ANY; a want_tval of 0 or the value is for check_trap_or_zero(). */
void check_trap(const char *name, struct result result, uint64_t cause, const void *epc,
                uint64_t tval);
void check_trap_or_zero(const char *name, struct result result, uint64_t cause, const void *epc,
                        uint64_t tval);
/*
 * For what QEMU 7.2 does in its own way: passes if `by_spec`, or on QEMU (told by its fw_cfg
 * device) if `as_qemu`. The comment at the call says what the deviation is.
 */
/* Waits a little for bits of mip to be all set or all clear: devices may take their time. */
bool mip_becomes(uint64_t bits, bool set);
bool on_qemu(void);
void check_deviating(const char *name, bool by_spec, bool as_qemu);
void skip(const char *name);
void fill(void *memory, uint8_t value, size_t size);
void copy(void *to, const void *from, size_t size);

void guest_exit(unsigned code) __attribute__((noreturn)); /* 0: as the finisher's 0x5555 */
void guest_done(void) __attribute__((noreturn));          /* prints the counts, exits 0 or 1 */
void guest_main(void);

/* One instruction each, then ret: a0 = address, a1 = value; result in a0. Label = its address. */
extern char stub_lb[], stub_lbu[], stub_lh[], stub_lhu[], stub_lw[], stub_lwu[], stub_ld[];
extern char stub_sb[], stub_sh[], stub_sw[], stub_sd[];
extern char stub_c_lw[], stub_c_ld[], stub_c_sw[], stub_c_sd[], stub_c_fld[], stub_c_fsd[];
extern char stub_flw[], stub_fld[], stub_fsw[], stub_fsd[];
extern char stub_lr_w[], stub_lr_d[], stub_sc_w[], stub_sc_d[];
extern char stub_amoadd_w[], stub_amoadd_d[], stub_amoswap_w[], stub_amoor_d[];
extern char stub_ecall[], stub_ebreak[], stub_c_ebreak[], stub_c_zero[], stub_ones[], stub_nop[];
extern char stub_mret[], stub_sret[], stub_wfi[], stub_sfence[], stub_fence_i[];
extern char stub_read_mstatus[], stub_read_sstatus[], stub_read_satp[], stub_write_satp[];
extern char stub_read_cycle[], stub_read_time[], stub_read_instret[], stub_write_cycle[];
extern char stub_read_missing_csr[], stub_fadd[], stub_jump[];
extern char stub_odd_lw[]; /* a 4-byte instruction at 2 modulo 4 */

#endif
#endif
