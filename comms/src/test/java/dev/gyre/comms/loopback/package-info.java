/** Runs the contracts over the loopback transport, with delays and faults. */
package dev.gyre.comms.loopback;
