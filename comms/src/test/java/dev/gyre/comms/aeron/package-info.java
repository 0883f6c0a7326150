/** Runs the transport contract over Aeron, and tests what only the Aeron transport does. */
package dev.gyre.comms.aeron;
