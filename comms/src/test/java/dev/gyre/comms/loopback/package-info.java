/** The loopback transport against the contract, with delays and faults. */
package dev.gyre.comms.loopback;
