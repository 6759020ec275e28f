/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef IASO_DEVICES_VIRT_H
#define IASO_DEVICES_VIRT_H

/*
 * The memory map and the interrupt numbers of board `virt`, those of the QEMU board of that name,
 * so that a kernel built for it runs here. Addresses are guest-physical, sizes are in bytes,
 * interrupt numbers are PLIC sources.
 */

#define VIRT_ROM_BASE    0x1000 /* the reset vector */
#define VIRT_ROM_SIZE    0xf000
#define VIRT_TEST_BASE   0x100000
#define VIRT_TEST_SIZE   0x1000
#define VIRT_RTC_BASE    0x101000
#define VIRT_RTC_SIZE    0x1000
#define VIRT_RTC_IRQ     11
#define VIRT_CLINT_BASE  0x2000000
#define VIRT_CLINT_SIZE  0x10000
#define VIRT_PLIC_BASE   0xc000000
#define VIRT_PLIC_SIZE   0x600000
#define VIRT_UART_BASE   0x10000000
#define VIRT_UART_SIZE   0x1000 /* on the bus; the device tree says 0x100 */
#define VIRT_UART_IRQ    10
#define VIRT_UART_CLOCK  3686400 /* Hz */
#define VIRT_VIRTIO_BASE 0x10001000
#define VIRT_VIRTIO_SIZE 0x1000 /* each slot */
#define VIRT_VIRTIO_IRQ  1      /* of slot 0; slot i has the i-th after it */
#define VIRT_VIRTIO_MAX  8
#define VIRT_DRAM_BASE   0x80000000

#define VIRT_FRAMEBUFFER_BASE 0x40000000 /* where QEMU's board has PCIe memory */

#define VIRT_MAX_HARTS     8
#define VIRT_PLIC_SOURCES  95               /* numbered 1 to 95 */
#define VIRT_PLIC_CONTEXTS 2                /* per hart */
#define VIRT_PLIC_M(hart)  (2 * (hart))     /* context that drives the hart's MEIP */
#define VIRT_PLIC_S(hart)  (2 * (hart) + 1) /* context that drives the hart's SEIP */
#define VIRT_TIMEBASE_HZ   10000000

#endif
