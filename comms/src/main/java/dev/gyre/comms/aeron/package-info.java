/**
 * Transfer over Aeron: between hosts by UDP; inside a host envelopes and small payloads by IPC, and
 * large payloads by reference to shared memory.
 */
@NullMarked
package dev.gyre.comms.aeron;

import org.jspecify.annotations.NullMarked;
