/** The Aeron transport against the contract, and what is special about it. */
package dev.gyre.comms.aeron;
